//! One connection sends as fast as it can, beside others on the same thread.

use goldcrest_tests::List;

pub(crate) fn scenarios(_list: &mut List) {}
