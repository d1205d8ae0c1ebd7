//! The tables of a projection.

/// A table of a projection. Columns are TEXT, BIGINT or BYTEA; a state is a word.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, as it stands in braces in statements.
    pub name: &'static str,
    /// Its primary key: the first columns of the table, in this order.
    pub key: &'static [&'static str],
    /// Every column with its type, as in `CREATE TABLE`.
    pub columns: &'static str,
    /// Further indexes: a short name for each, and what stands after `ON table`.
    pub indexes: &'static [(&'static str, &'static str)],
}

impl Table {
    /// Writes the statement that makes the table, under its name in braces.
    pub fn create(&self) -> String {
        let Self {
            name, key, columns, ..
        } = self;
        let key = key.join(", ");
        format!("CREATE TABLE {{{name}}} ({columns}, PRIMARY KEY ({key}))")
    }

    /// Writes the statements that make its indexes.
    ///
    /// An index keeps its name when its table is renamed, and names are unique over the whole
    /// database: so each generation of a table gives its indexes names of their own.
    pub fn create_indexes(&self, generation: u64) -> Vec<String> {
        let name = self.name;
        self.indexes
            .iter()
            .map(|(index, on)| {
                format!("CREATE INDEX {name}_{index}_{generation} ON {{{name}}} {on}")
            })
            .collect()
    }

    /// Writes the statement that removes the table if it is there.
    pub fn drop_if_there(&self) -> String {
        format!("DROP TABLE IF EXISTS {{{}}}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use crate::ALL;

    #[test]
    fn names_of_projections_and_tables_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|known| known.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        let mut tables: Vec<_> = ALL.iter().flat_map(|known| known.tables()).collect();
        let all = tables.len();
        tables.sort_unstable_by_key(|table| table.name);
        tables.dedup_by_key(|table| table.name);
        assert_eq!(tables.len(), all);
    }

    #[test]
    fn columns_have_the_three_types_that_both_databases_know_and_begin_with_the_key() {
        for table in ALL.iter().flat_map(|known| known.tables()) {
            let columns: Vec<Vec<&str>> = table
                .columns
                .split(',')
                .map(|column| column.split_whitespace().collect())
                .collect();
            for column in &columns {
                assert!(
                    matches!(column[1], "TEXT" | "BIGINT" | "BYTEA"),
                    "{}.{} is {}",
                    table.name,
                    column[0],
                    column[1]
                );
            }
            let first: Vec<_> = columns.iter().map(|column| column[0]).collect();
            assert!(first.starts_with(table.key), "{}", table.name);
        }
    }

    #[test]
    fn every_generation_names_its_indexes_anew() {
        let table = super::Table {
            name: "lamps",
            key: &["room", "lamp"],
            columns: "room TEXT NOT NULL, lamp TEXT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[("idx", "(room, idx)")],
        };
        assert_eq!(
            table.create(),
            "CREATE TABLE {lamps} (room TEXT NOT NULL, lamp TEXT NOT NULL, idx BIGINT NOT NULL, \
             PRIMARY KEY (room, lamp))"
        );
        assert_eq!(
            table.create_indexes(3),
            ["CREATE INDEX lamps_idx_3 ON {lamps} (room, idx)"]
        );
        assert_eq!(table.drop_if_there(), "DROP TABLE IF EXISTS {lamps}");
    }
}
