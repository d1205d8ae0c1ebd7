//! The deployment's settings.

use domain::settings::{Settings, SettingsChanges, SettingsCommand};

use super::{App, Caller, CommandError, Executed};

impl App {
    /// Returns the settings and their revision.
    pub async fn settings(&self) -> Result<(Settings, u64), CommandError> {
        self.dispatch.load::<Settings>(&Settings::ID).await
    }

    /// Changes what is given, if the settings still have the revision that the caller saw.
    pub async fn change_settings(
        &self,
        changes: SettingsChanges,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Executed<Settings>, CommandError> {
        let command = SettingsCommand::ChangeSettings(changes);
        self.dispatch
            .execute_at::<Settings>(&Settings::ID, seen, command, caller)
            .await
    }
}
