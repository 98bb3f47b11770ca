//! x
use super::Trouble;
use clap::Args;
/// x
#[derive(Args)]
pub(crate) struct Bench {}
impl Bench {
    pub(crate) fn run(self) -> Result<(), Trouble> {
        Ok(())
    }
}
