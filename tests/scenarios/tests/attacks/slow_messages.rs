//! Messages and control frames that never end.

use goldcrest_tests::List;

pub(crate) fn scenarios(_list: &mut List) {}
