//! How the tables lie in their files.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::opening::Opening;

/// The rows of a file in their groups, and the fields that its opening handshakes share.
#[derive(Deserialize)]
pub(crate) struct Table<R> {
    #[serde(flatten)]
    pub(crate) opening: Opening,
    group: Vec<Group<R>>,
}

#[derive(Deserialize)]
struct Group<R> {
    about: String,
    rows: Vec<R>,
}

impl<R: DeserializeOwned> Table<R> {
    pub(crate) fn read(name: &str) -> Self {
        let folder = env::var_os("GOLDCREST_TABLES")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/conformance"), PathBuf::from);
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Each row, behind its group's description.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (String, R)> {
        self.group.into_iter().flat_map(|Group { about, rows }| rows.into_iter().map(move |row| (about.clone(), row)))
    }
}
