//! What the database knows a stream by.

use std::error::Error;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{BufMut, BytesMut};
use domain::StreamName;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// The first half of the SHA-256 of a stream's name: as long as a UUID, whatever the name. That two
/// names have the same one is as unlikely as two equal UUIDs, and nobody can bring it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamKey([u8; 16]);

impl StreamKey {
    pub(super) fn of(stream: &StreamName) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest(&SHA256, stream.as_str().as_bytes()).as_ref()[..16]);
        Self(key)
    }
}

impl ToSql for StreamKey {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for StreamKey {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_for_ever() {
        // The first half of what `printf settings-ada | sha256sum` says.
        let key: [u8; 16] = [
            0x3c, 0x16, 0x10, 0x19, 0xbd, 0xd2, 0x52, 0xe5, 0x96, 0x0f, 0x7c, 0x70, 0x28, 0xdc,
            0x60, 0xf3,
        ];
        let ada = StreamName::of("settings", &"ada");
        assert_eq!(StreamKey::of(&ada), StreamKey(key));
    }
}
