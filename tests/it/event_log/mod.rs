//! The conformance suite: what [`lanyard::eventlog::EventLog`] promises, told as stories and run
//! against every log.
//!
//! A new log takes one line for `every_log!`, and one for `kept_log!` if it outlives its process.

mod framework;
mod kept;
mod killed;
mod promises;
mod segments;
mod torn;

/// Makes a test of every story of `promises` for the log that lives at `$place`.
macro_rules! every_log {
    ($place:expr) => {
        crate::event_log::tests_of! { promises, $place;
            a_new_log_is_empty,
            events_stand_in_the_order_in_which_they_were_taken,
            each_stream_counts_its_own_versions,
            an_append_to_another_version_is_refused_and_changes_nothing,
            of_twenty_racers_exactly_one_wins,
            racers_on_one_stream_do_no_harm_to_their_neighbours,
            many_commands_on_one_stream_all_come_about_in_the_end,
            several_events_are_stored_all_or_not_at_all,
            a_tail_during_200_parallel_appends_misses_nothing,
            a_watch_never_runs_ahead,
            time_never_goes_back_though_the_clock_does,
            a_line_comes_back_byte_for_byte,
            the_longest_line_is_taken_and_one_byte_more_is_refused,
            a_stream_is_read_in_pages,
            the_log_is_read_in_pages,
            a_caller_who_goes_away_leaves_a_sound_log,
        }
        crate::event_log::tests_of! { framework, $place;
            the_framework_of_cqrs_es_stands_on_it,
        }
    };
}

/// Makes a test of every story of `kept` and `killed` for the log that lives at `$place`.
macro_rules! kept_log {
    ($place:expr) => {
        crate::event_log::tests_of! { kept, $place;
            a_log_opened_again_has_all_it_had_and_goes_on,
            time_never_goes_back_over_an_opening,
            races_are_decided_right_after_an_opening,
            the_database_itself_refuses_to_change_history,
        }
        crate::event_log::tests_of! { killed, $place;
            what_was_acknowledged_survives_a_kill_in_the_midst_of_appends,
        }
    };
}

macro_rules! tests_of {
    ($stories:ident, $place:expr; $($story:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                crate::event_log::$stories::$story(&$place).await;
            }
        )*
    };
}
pub(crate) use tests_of;

mod memory {
    every_log!(crate::support::logs::Memory);
}

mod postgres;
mod sqlite;
