//! Incomplete requests and full channels, as many as the limits permit.

use goldcrest_tests::List;

pub(crate) fn scenarios(_list: &mut List) {}
