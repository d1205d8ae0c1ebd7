use std::time::Duration;

use lanyard::host_keys::{NoKey, ScanError, Scanner, TalkError, scan};
use lanyard::providers::{NotAllowed, Outbound};

use super::practice::{Lie, saying, scanned, start};

#[tokio::test]
async fn an_honest_server_shows_its_key() {
    for lie in [Lie::None, Lie::Chatter] {
        let (port, blob) = start(lie).await;
        let keys = scanned(port).await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].blob(), blob);
        assert_eq!(keys[0].hosts(), [format!("[127.0.0.1]:{port}")]);
    }
}

#[tokio::test]
async fn a_key_that_the_server_cannot_sign_with_is_not_believed() {
    for lie in [Lie::OtherHash, Lie::OtherKey, Lie::OtherName, Lie::Trailing] {
        let (port, _) = start(lie).await;
        let refused = scanned(port).await.unwrap_err();
        assert_eq!(refused, ScanError::Talk(TalkError::Signature), "{lie:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_keep_to_the_standards_is_refused() {
    for (lie, why) in [
        (Lie::OtherType, TalkError::Key(NoKey::Damaged)),
        (
            Lie::ZeroPoint,
            TalkError::Protocol("its half of the key exchange is not valid"),
        ),
        (Lie::OldExchange, TalkError::NoExchange),
        (Lie::Disconnects, TalkError::Disconnected(12)),
        (Lie::Endless, TalkError::Protocol("it talks without an end")),
        (Lie::Oversized, TalkError::TooLong),
        (
            Lie::AllPadding,
            TalkError::Protocol("it sent a damaged packet"),
        ),
    ] {
        let (port, _) = start(lie).await;
        let refused = scanned(port).await.unwrap_err();
        assert_eq!(refused, ScanError::Talk(why), "{lie:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_key_that_is_taken_has_none() {
    let (port, _) = start(Lie::OldKeys).await;
    assert_eq!(scanned(port).await.unwrap_err(), ScanError::NoKey);
}

#[tokio::test]
async fn what_does_not_speak_ssh_is_told_apart() {
    let banner = b"x\r\n".repeat(40);
    for (said, why) in [
        (
            b"SSH-1.5-old\r\n".to_vec(),
            TalkError::Protocol("it does not know version 2"),
        ),
        (vec![b'x'; 300], TalkError::NotSsh),
        (banner, TalkError::NotSsh),
        (
            b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff".to_vec(),
            TalkError::TooLong,
        ),
        (
            b"SSH-2.0-x\r\n\0\0\0\x01\0".to_vec(),
            TalkError::Protocol("it sent a damaged packet"),
        ),
        (
            b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x14\0\0\0\0\0\0\0\0\0\0".to_vec(),
            TalkError::Protocol("its list of algorithms is damaged"),
        ),
    ] {
        let port = saying(said).await;
        assert_eq!(scanned(port).await.unwrap_err(), ScanError::Talk(why));
    }
}

#[tokio::test]
async fn a_server_that_goes_on_without_an_end_is_given_up() {
    // Each has begun something that it does not end: a line, a packet.
    for said in [
        &b""[..],
        b"SSH-2.0-slow",
        b"SSH-2.0-x\r\n\0\0\x01",
        b"SSH-2.0-x\r\n\0\0\x01\0\x04",
    ] {
        let port = saying(said.to_vec()).await;
        let outbound = Outbound::to_practice([format!("127.0.0.1:{port}")]);
        let scanner = Scanner::new(&outbound).patience(Duration::from_millis(100));
        let refused = scanner.scan("127.0.0.1", port).await.unwrap_err();
        assert_eq!(refused, ScanError::TimedOut, "{said:?}");
    }
}

#[tokio::test]
async fn nothing_is_called_that_the_operator_keeps_closed() {
    let (port, _) = start(Lie::None).await;
    let closed = scan(&Outbound::default(), "127.0.0.1", port).await;
    assert_eq!(
        closed.unwrap_err(),
        ScanError::NotCalled(NotAllowed::Private.into())
    );
    // A port that nobody listens on any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(scanned(port).await.unwrap_err(), ScanError::Unreachable);
}
