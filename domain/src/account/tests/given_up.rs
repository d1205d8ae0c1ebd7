//! Tokens that come to an end come to no link any more: whoever comes first, the link or whoever
//! gives them back, has them.

use super::*;
use crate::samples::secret;
use crate::{ProviderSlug, SecretRef};

/// Ada's link of the generation took too long.
fn give_up(generation: u64) -> C {
    C::RecordLinkGivenUp {
        account: account(),
        user: ada(),
        provider: github(),
        secret: grant(generation).secret,
    }
}

fn given_up(generation: u64) -> E {
    E::LinkGivenUp {
        account: account(),
        user: ada(),
        provider: github(),
        secret: grant(generation).secret,
    }
}

/// A link with a generation whose tokens are where those of another were.
fn link_with(user: &UserId, generation: u64, secret: SecretRef) -> C {
    C::LinkAccount {
        account: account(),
        user: user.clone(),
        provider: github(),
        profile: sealed(user),
        grant: Some(Grant {
            secret,
            ..grant(generation)
        }),
    }
}

#[test]
fn a_link_that_was_given_up_does_not_come_about() {
    given::<Account>([given_up(1)])
        .when(link(&ada(), 1))
        .then_expect_error(Refusal::LinkGivenUp);
    after([given_up(2)])
        .when(link(&ada(), 2))
        .then_expect_error(Refusal::LinkGivenUp);
    after([unlinking(), unlinked(&[]), given_up(2)])
        .when(link(&bob(), 2))
        .then_expect_error(Refusal::LinkGivenUp);
}

#[test]
fn with_other_tokens_it_comes_about() {
    let other = secret(0x77);
    given::<Account>([given_up(1)])
        .when(link_with(&ada(), 1, other))
        .then_expect_events(vec![E::AccountLinked {
            account: account(),
            user: ada(),
            provider: github(),
            profile: sealed(&ada()),
            grant: Some(Grant {
                secret: other,
                ..grant(1)
            }),
        }]);
}

#[test]
fn a_link_is_given_up_once_and_never_one_that_came_about() {
    let (none, once) = (vec![], vec![given_up(2)]);
    not_linked()
        .when(give_up(1))
        .then_expect_events(vec![given_up(1)]);
    given::<Account>([given_up(1)])
        .when(give_up(1))
        .then_expect_events(none.clone());
    after([]).when(give_up(1)).then_expect_events(none.clone());
    after([]).when(give_up(2)).then_expect_events(once.clone());
    after([given_up(2)])
        .when(give_up(2))
        .then_expect_events(none.clone());
    let ended = || after([unlinking(), unlinked(&[])]);
    // Its tokens came to their end with it.
    ended().when(give_up(1)).then_expect_events(none);
    ended().when(give_up(2)).then_expect_events(once);
}

#[test]
fn the_link_that_is_given_up_may_be_another_persons() {
    let bobs = C::RecordLinkGivenUp {
        account: account(),
        user: bob(),
        provider: github(),
        secret: secret(0x77),
    };
    after([])
        .when(bobs)
        .then_expect_events(vec![E::LinkGivenUp {
            account: account(),
            user: bob(),
            provider: github(),
            secret: secret(0x77),
        }]);
}

#[test]
fn the_tokens_of_a_link_that_ended_come_to_no_other() {
    for number in [1, 2, 3] {
        after([given_up(3), renewed(2), unlinking(), unlinked(&[])])
            .when(link_with(&ada(), 3, secret(number)))
            .then_expect_error(Refusal::LinkGivenUp);
    }
}

#[test]
fn that_is_remembered_over_many_links() {
    let again = E::AccountLinked {
        account: account(),
        user: bob(),
        provider: github(),
        profile: sealed(&bob()),
        grant: Some(grant(2)),
    };
    let story = [given_up(9), unlinking(), unlinked(&[]), again];
    for number in [1, 9] {
        after(story.clone())
            .when(link_with(&bob(), 3, secret(number)))
            .then_expect_error(Refusal::LinkGivenUp);
    }
}

#[test]
fn tokens_stay_where_they_are_over_renewals() {
    let (there, provider): (_, ProviderSlug) = (grant(1).secret, github());
    let next = Grant {
        secret: there,
        ..grant(2)
    };
    let refreshed = E::GrantRenewed {
        account: account(),
        user: ada(),
        provider,
        how: Renewal::Refresh,
        profile: None,
        grant: next,
    };
    after([refreshed])
        .when(link_with(&ada(), 3, there))
        .then_expect_events(vec![E::GrantRenewed {
            account: account(),
            user: ada(),
            provider: github(),
            how: Renewal::Relink,
            profile: Some(sealed(&ada())),
            grant: Grant {
                secret: there,
                ..grant(3)
            },
        }]);
}

#[test]
fn a_refresh_of_tokens_that_came_to_an_end_says_nothing() {
    after([given_up(2)])
        .when(record_refreshed(2))
        .then_expect_events(vec![]);
}
