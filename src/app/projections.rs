//! The projections: how far they are, and rebuilding them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use projections::{Statement, named};

use super::{App, CaseError, Rule};
use crate::projecting::rebuild::rebuild;

/// Which projections this process is rebuilding.
#[derive(Debug, Default)]
pub struct Rebuilds(Mutex<HashSet<&'static str>>);

impl Rebuilds {
    fn begin(&self, name: &'static str) -> bool {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(name)
    }

    fn end(&self, name: &'static str) {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(name);
    }
}

/// How far a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProjection {
    /// Its name.
    pub name: String,
    /// The version of its tables.
    pub version: u64,
    /// How many events it has applied.
    pub applied: u64,
    /// How many events its next tables have, while it is rebuilt.
    pub rebuilt: Option<u64>,
}

impl App {
    /// Lists the projections by name.
    pub async fn list_projections(&self) -> Result<Vec<KnownProjection>, CaseError> {
        let asked = Statement::new(
            "SELECT name, version, next_index, rebuild_next FROM projections ORDER BY name",
            [],
        );
        let mut known = Vec::new();
        for row in self.database.query(asked).await? {
            // The policy keeps its place in the same table.
            if named(row.text(0)?).is_some() {
                known.push(KnownProjection {
                    name: row.text(0)?.to_owned(),
                    version: row.number(1)?,
                    applied: row.number(2)?,
                    rebuilt: row.maybe_number(3)?,
                });
            }
        }
        Ok(known)
    }

    /// Starts to rebuild a projection; the old rows are served until the new ones are ready.
    pub fn rebuild_projection(&self, name: &str) -> Result<&'static str, Rule> {
        let projection = named(name).ok_or(Rule::ProjectionNotFound)?;
        let name = projection.name();
        if !self.rebuilds.begin(name) {
            return Err(Rule::RebuildUnderWay);
        }
        let app = self.clone();
        tokio::spawn(async move {
            let rebuilt = rebuild(&*app.log, &*app.database, &[projection], |_| ()).await;
            app.rebuilds.end(name);
            match rebuilt {
                Ok(events) => tracing::info!(projection = name, events, "rebuilt"),
                Err(error) => tracing::error!(projection = name, %error, "not rebuilt"),
            }
        });
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_is_rebuilt_once_at_a_time() {
        let rebuilds = Rebuilds::default();
        assert!(rebuilds.begin("keys"));
        assert!(!rebuilds.begin("keys"));
        assert!(rebuilds.begin("tokens"));
        rebuilds.end("keys");
        assert!(rebuilds.begin("keys"));
    }
}
