//! Requests that name one new channel each.

use goldcrest_tests::List;

pub(crate) fn scenarios(_list: &mut List) {}
