//! The threads that all tasks share.

use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

use crate::config::{ServeArgs, Storage};
use crate::database::postgres::Server;

/// Starts so many, or one for each processor.
pub fn start(threads: Option<NonZeroUsize>) -> io::Result<Runtime> {
    let mut runtime = Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads.get());
    }
    runtime.enable_all().build()
}

/// Returns how many threads a server has, if it is not to have one for each processor.
///
/// A PostgreSQL server on the same machine is left a processor: whoever waits for it would otherwise
/// take it from the very work that is waited for. Settings that are wrong say nothing here; they are
/// refused when the server starts. Nor does the file: it was read before.
pub fn of_server(args: &ServeArgs) -> Option<NonZeroUsize> {
    args.threads.or_else(|| match args.storage().ok()? {
        Storage::Postgres(url) if Server::at(&url).ok()?.is_here() => Some(all_but_one()),
        _ => None,
    })
}

fn all_but_one() -> NonZeroUsize {
    let all = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(all - 1).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(database: &str, threads: Option<usize>) -> Option<NonZeroUsize> {
        of_server(&ServeArgs {
            database: Some(database.to_owned()),
            threads: threads.and_then(NonZeroUsize::new),
            ..ServeArgs::default()
        })
    }

    #[test]
    fn a_database_server_on_the_same_machine_is_left_a_processor() {
        let left = Some(all_but_one());
        assert_eq!(
            threads("postgres://u@%2Frun%2Fpostgresql/lanyard", None),
            left
        );
        assert_eq!(threads("postgres://u:p@localhost/lanyard", None), left);
        assert_eq!(threads("postgres://u:p@db.example/lanyard", None), None);
        assert_eq!(threads("sqlite:data", None), None);
    }

    #[test]
    fn whoever_says_how_many_threads_there_are_has_so_many() {
        for database in ["postgres://u:p@localhost/lanyard", "sqlite:data"] {
            assert_eq!(threads(database, Some(5)), NonZeroUsize::new(5));
        }
    }

    #[test]
    fn settings_that_are_wrong_are_not_refused_here() {
        assert_eq!(threads("mysql://localhost/lanyard", None), None);
        let args = ServeArgs {
            config: Some("nowhere.toml".into()),
            ..ServeArgs::default()
        };
        assert_eq!(of_server(&args), None);
    }
}
