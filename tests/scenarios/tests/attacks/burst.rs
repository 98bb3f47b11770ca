//! A publisher that sends more events in one write than a channel keeps.

use goldcrest_tests::List;

pub(crate) fn scenarios(_list: &mut List) {}
