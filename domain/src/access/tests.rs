//! Every rule; there is no refusal.

use super::*;
use crate::samples::given;

#[test]
fn a_read_of_the_audit_trail_is_recorded_once() {
    let report = AccessCommand::RecordAuditRead {
        query: "actor:ada".to_owned(),
        returned: 3,
    };
    let read = AccessEvent::AuditRead {
        query: "actor:ada".to_owned(),
        returned: 3,
    };
    given::<Access>([])
        .when(report.clone())
        .then_expect_events(vec![read.clone()]);
    given::<Access>([read])
        .when(report)
        .then_expect_events(vec![]);
}
