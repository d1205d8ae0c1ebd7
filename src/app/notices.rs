//! Notices: what people are told of by themselves.

use std::collections::BTreeSet;

use domain::UserId;
use projections::notices::{self, Filter, NoticeRow};
use projections::{Limit, Page, linked_accounts};

use super::{App, CaseError};

impl App {
    /// Lists notices, newest first.
    pub async fn list_notices(
        &self,
        filter: &Filter,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<NoticeRow, u64>, CaseError> {
        let rows = self
            .database
            .query(notices::page(filter, before, limit))
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(notices::from_row).collect();
        let items = items?;
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|last| last.opened);
        Ok(Page { items, next })
    }

    /// Lists what concerns one person: their own notices, and those of the providers where they
    /// have an account.
    pub async fn notices_of(
        &self,
        user: &UserId,
        open: Option<bool>,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<NoticeRow, u64>, CaseError> {
        let rows = self.database.query(linked_accounts::of_user(user)).await?;
        let mut providers = BTreeSet::new();
        for row in &rows {
            providers.insert(linked_accounts::from_row(row)?.provider);
        }
        let filter = Filter {
            user: Some(user.clone()),
            or_at: providers.into_iter().collect(),
            open,
            ..Filter::default()
        };
        self.list_notices(&filter, before, limit).await
    }
}
