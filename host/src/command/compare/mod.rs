//! x
use super::Trouble;
use clap::Args;
/// x
#[derive(Args)]
pub(crate) struct Compare {}
impl Compare {
    pub(crate) fn run(self) -> Result<(), Trouble> {
        Ok(())
    }
}
