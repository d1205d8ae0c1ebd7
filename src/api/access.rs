//! Who may do what: one table, route by role. What does not stand in it nobody may.

use domain::Role;
use domain::Role::{Admin, Auditor, Member, Operator, Workspace};

/// Who may use one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Everybody, without a token.
    Anyone,
    /// Whoever has one of these roles.
    Roles(&'static [Role]),
    /// Whoever has one of `own` for what is theirs, of `any` for what is anybody's. The owner is
    /// the `{user}` of the path.
    Owner {
        /// The roles that suffice for what is the caller's own.
        own: &'static [Role],
        /// The roles that suffice for what is somebody else's.
        any: &'static [Role],
    },
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The method.
    pub method: &'static str,
    /// The path, as the router has it.
    pub path: &'static str,
    /// Who may.
    pub may: May,
}

const fn row(method: &'static str, path: &'static str, may: May) -> Row {
    Row { method, path, may }
}

const EVERY_ROLE: May = May::Roles(&[Admin, Auditor, Operator, Member, Workspace]);
const PEOPLE: May = May::Roles(&[Admin, Auditor, Operator, Member]);
const ADMIN: May = May::Roles(&[Admin]);
const AUDITOR: May = May::Roles(&[Auditor]);
const OPERATOR: May = May::Roles(&[Operator]);
const RUNS_IT: May = May::Roles(&[Admin, Operator]);
const LOOKS_AFTER_IT: May = May::Roles(&[Admin, Auditor, Operator]);
/// Only by the person: nobody links an account or makes a key in somebody else's name.
const ONESELF: May = May::Owner {
    own: &[Member],
    any: &[],
};
const ONESELF_OR_ADMIN: May = May::Owner {
    own: &[Member],
    any: &[Admin],
};

/// The table. An auditor changes nothing; an operator changes no provider and no role; an admin
/// reads no history; a workspace, until it signs, learns who it is and nothing else.
pub const TABLE: &[Row] = &[
    row("GET", "/healthz", May::Anyone),
    row("GET", "/readyz", May::Anyone),
    // Numbers of the whole deployment; without a token only at an address of its own.
    row("GET", "/metrics", LOOKS_AFTER_IT),
    row("GET", "/api/openapi.json", May::Anyone),
    row("GET", "/problems", May::Anyone),
    row("GET", "/problems/{code}", May::Anyone),
    // Bound to the flow, its ticket and its cookie instead of a token.
    row("GET", "/oauth/start/{ticket}", May::Anyone),
    row("GET", "/oauth/callback", May::Anyone),
    row("GET", "/oauth/callback/{provider}", May::Anyone),
    // Whoever sends these knows the provider's hook secret instead.
    row("POST", "/hooks/gitlab/{provider}", May::Anyone),
    row("POST", "/hooks/github/{provider}", May::Anyone),
    row("GET", "/oauth/linked", May::Anyone),
    row("GET", "/oauth/failed/{code}", May::Anyone),
    row("GET", "/api/v1/me", EVERY_ROLE),
    row("GET", "/api/v1/providers", PEOPLE),
    row("POST", "/api/v1/providers", ADMIN),
    row("GET", "/api/v1/providers/{provider}", PEOPLE),
    row("PATCH", "/api/v1/providers/{provider}", ADMIN),
    row("DELETE", "/api/v1/providers/{provider}", ADMIN),
    row("POST", "/api/v1/providers/{provider}/test", RUNS_IT),
    row("POST", "/api/v1/providers/{provider}/pause", RUNS_IT),
    row("POST", "/api/v1/providers/{provider}/resume", RUNS_IT),
    row("POST", "/api/v1/providers/{provider}/disable", ADMIN),
    row("POST", "/api/v1/providers/{provider}/enable", ADMIN),
    row("POST", "/api/v1/providers/{provider}/removal", ADMIN),
    row("DELETE", "/api/v1/providers/{provider}/removal", ADMIN),
    row("POST", "/api/v1/providers/{provider}/secrets", ADMIN),
    row(
        "POST",
        "/api/v1/providers/{provider}/secrets/confirm",
        ADMIN,
    ),
    row(
        "DELETE",
        "/api/v1/providers/{provider}/secrets/staged",
        ADMIN,
    ),
    row("GET", "/api/v1/providers/{provider}/host-keys", PEOPLE),
    row("PUT", "/api/v1/providers/{provider}/host-keys", ADMIN),
    row(
        "POST",
        "/api/v1/providers/{provider}/host-keys/official",
        ADMIN,
    ),
    row("POST", "/api/v1/providers/{provider}/host-keys/scan", ADMIN),
    row("POST", "/api/v1/providers/{provider}/sweep", RUNS_IT),
    row("PUT", "/api/v1/providers/{provider}/hook-secret", ADMIN),
    row("GET", "/api/v1/settings", PEOPLE),
    row("PATCH", "/api/v1/settings", ADMIN),
    row("GET", "/api/v1/users/{user}/accounts", ONESELF_OR_ADMIN),
    row("POST", "/api/v1/users/{user}/accounts", ONESELF),
    row(
        "GET",
        "/api/v1/users/{user}/accounts/{account}",
        ONESELF_OR_ADMIN,
    ),
    row(
        "DELETE",
        "/api/v1/users/{user}/accounts/{account}",
        ONESELF_OR_ADMIN,
    ),
    // Only whoever did it says so.
    row(
        "POST",
        "/api/v1/users/{user}/accounts/{account}/keys/{key}/confirmation",
        ONESELF,
    ),
    row(
        "POST",
        "/api/v1/users/{user}/accounts/{account}/keys/{key}/restoration",
        May::Owner {
            own: &[Member],
            any: &[Admin, Operator],
        },
    ),
    row("GET", "/api/v1/users/{user}/keys", ONESELF_OR_ADMIN),
    row("POST", "/api/v1/users/{user}/keys", ONESELF),
    row("GET", "/api/v1/users/{user}/keys/{key}", ONESELF_OR_ADMIN),
    row(
        "POST",
        "/api/v1/users/{user}/keys/{key}/rotation",
        ONESELF_OR_ADMIN,
    ),
    row("GET", "/api/v1/users/{user}/offboarding", ADMIN),
    row("POST", "/api/v1/users/{user}/offboarding", ADMIN),
    row("GET", "/api/v1/sync", RUNS_IT),
    row("GET", "/api/v1/sync/residue", LOOKS_AFTER_IT),
    row("POST", "/api/v1/sync/retry", RUNS_IT),
    row("GET", "/api/v1/replays", RUNS_IT),
    row("POST", "/api/v1/replays", RUNS_IT),
    row("GET", "/api/v1/replays/{replay}", RUNS_IT),
    row("DELETE", "/api/v1/replays/{replay}", RUNS_IT),
    row("GET", "/api/v1/me/notices", PEOPLE),
    row("GET", "/api/v1/notices", RUNS_IT),
    row("GET", "/api/v1/webhooks", ADMIN),
    row("POST", "/api/v1/webhooks", ADMIN),
    row("GET", "/api/v1/webhooks/{webhook}", ADMIN),
    row("PATCH", "/api/v1/webhooks/{webhook}", ADMIN),
    row("DELETE", "/api/v1/webhooks/{webhook}", ADMIN),
    row("POST", "/api/v1/webhooks/{webhook}/rotation", ADMIN),
    row("POST", "/api/v1/webhooks/{webhook}/test", ADMIN),
    row("POST", "/api/v1/webhooks/{webhook}/enable", ADMIN),
    row("POST", "/api/v1/replays/{replay}/resume", RUNS_IT),
    row("GET", "/api/v1/replays/{replay}/progress", RUNS_IT),
    row("GET", "/api/v1/replays/{replay}/report", LOOKS_AFTER_IT),
    // An operator holds a campaign back; only an admin begins or ends one.
    row("GET", "/api/v1/campaigns", RUNS_IT),
    row("POST", "/api/v1/campaigns", ADMIN),
    row("GET", "/api/v1/campaigns/{campaign}", RUNS_IT),
    row("GET", "/api/v1/campaigns/{campaign}/report", RUNS_IT),
    row("POST", "/api/v1/campaigns/{campaign}/pause", RUNS_IT),
    row("POST", "/api/v1/campaigns/{campaign}/resume", RUNS_IT),
    row("POST", "/api/v1/campaigns/{campaign}/cancellation", ADMIN),
    row("GET", "/api/v1/audit/events", AUDITOR),
    row("GET", "/api/v1/audit/events/{index}", AUDITOR),
    row("GET", "/api/v1/projections", RUNS_IT),
    row("POST", "/api/v1/projections/{name}/rebuild", OPERATOR),
    // Everybody sees and ends their own; only an admin sees and ends all, and makes new ones.
    row("GET", "/api/v1/tokens", EVERY_ROLE),
    row("POST", "/api/v1/tokens", ADMIN),
    row("POST", "/api/v1/tokens/first", May::Anyone),
    row("DELETE", "/api/v1/tokens/{token}", EVERY_ROLE),
];

/// Returns who may use a route; a route without a row nobody may.
pub fn rule(method: &str, path: &str) -> May {
    TABLE
        .iter()
        .find(|row| row.method == method && row.path == path)
        .map_or(May::Roles(&[]), |row| row.may)
}

impl May {
    /// Says whether somebody with `roles` may, where `own` tells whether it is theirs.
    pub fn allows(self, roles: &[Role], own: bool) -> bool {
        let one_of = |needed: &[Role]| needed.iter().any(|role| roles.contains(role));
        match self {
            Self::Anyone => true,
            Self::Roles(needed) => one_of(needed),
            Self::Owner { own: mine, any } => one_of(any) || (own && one_of(mine)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_stand_in_the_table_nobody_may() {
        let may = rule("GET", "/api/v1/everything");
        assert!(!may.allows(&Role::ALL, true));
        assert!(!rule("TRACE", "/api/v1/me").allows(&Role::ALL, true));
    }

    #[test]
    fn every_route_has_one_row() {
        for (place, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..place]
                    .iter()
                    .all(|other| (other.method, other.path) != (row.method, row.path)),
                "{} {} stands twice",
                row.method,
                row.path
            );
        }
    }
}
