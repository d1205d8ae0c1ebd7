//! Where the key-encryption key comes from, and what is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use lanyard::clock::SystemIds;
use lanyard::vault::{DataDirectory, KeyEncryptionKey, KeyError};

use super::KEY;

#[test]
fn a_new_data_directory_gets_a_key_that_only_its_owner_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let ids = SystemIds::default();
    let made = KeyEncryptionKey::of_directory(&path, DataDirectory::New, &ids).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    let again = KeyEncryptionKey::of_directory(&path, DataDirectory::InUse, &ids).unwrap();
    assert_eq!(made.id(), again.id());
    let again = KeyEncryptionKey::of_directory(&path, DataDirectory::New, &ids).unwrap();
    assert_eq!(made.id(), again.id());
    let over = KeyEncryptionKey::create_file(&path, &ids);
    assert!(matches!(over, Err(KeyError::Exists(_))));
    let shown = format!("{made:?}");
    assert!(!shown.contains(fs::read_to_string(&path).unwrap().trim()));
}

#[test]
fn a_missing_key_of_a_directory_in_use_is_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = KeyEncryptionKey::of_directory(&path, DataDirectory::InUse, &SystemIds::default());
    let refused = key.unwrap_err();
    assert!(matches!(refused, KeyError::Missing(_)));
    assert!(refused.to_string().contains("backup"));
    assert!(!path.exists());
}

#[test]
fn a_key_file_that_others_may_read_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    KeyEncryptionKey::create_file(&path, &SystemIds::default()).unwrap();
    for mode in [0o644, 0o640, 0o660, 0o700, 0o4600] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = KeyEncryptionKey::from_file(&path).unwrap_err();
        assert!(matches!(refused, KeyError::Mode { .. }));
        assert!(refused.to_string().contains("chmod 600"));
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        KeyEncryptionKey::from_file(&path).unwrap();
    }
}

#[test]
fn a_key_is_32_bytes_in_base64_or_hexadecimal_and_nothing_else() {
    let hex = KeyEncryptionKey::from_env_value(KEY).unwrap();
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let base64 = KeyEncryptionKey::from_env_value(&format!(" {base64}\n")).unwrap();
    assert_eq!(hex.id(), base64.id());
    for wrong in [
        "",
        "secret",
        &KEY[..62],
        &format!("{KEY}00"),
        &"A".repeat(44),
        "AAECAw==",
    ] {
        let refused = KeyEncryptionKey::from_env_value(wrong).unwrap_err();
        assert!(matches!(refused, KeyError::Malformed));
        assert!(wrong.is_empty() || !refused.to_string().contains(wrong));
    }
}

#[test]
fn a_truncated_key_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    KeyEncryptionKey::create_file(&path, &SystemIds::default()).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 20, 43] {
        fs::write(&path, &whole[..length]).unwrap();
        let refused = KeyEncryptionKey::from_file(&path);
        assert!(matches!(refused, Err(KeyError::Malformed)));
    }
    fs::write(&path, [0xff; 45]).unwrap();
    assert!(matches!(
        KeyEncryptionKey::from_file(&path),
        Err(KeyError::Malformed)
    ));
    fs::write(&path, "A".repeat(100_000)).unwrap();
    assert!(matches!(
        KeyEncryptionKey::from_file(&path),
        Err(KeyError::Malformed)
    ));
}
