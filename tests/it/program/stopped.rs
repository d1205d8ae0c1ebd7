//! A server that is told to stop.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::remote::Remote;
use super::{Server, verified};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_waits_for_what_is_under_way_and_the_second_does_not() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start(home.path());
    let admin = Remote::first_admin(&server).await;
    admin.make_token("before").await.unwrap().is(201);
    // A request that has begun and never ends.
    let address = server.url().replace("http://", "");
    let mut request = TcpStream::connect(&address).unwrap();
    write!(
        request,
        "POST /api/v1/tokens HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
        admin.token()
    )
    .unwrap();
    // Whatever came before this answer was taken up before it.
    admin.get("/healthz").await.unwrap().is(200);
    server.signal("-TERM");
    assert_eq!(server.says(), "stopping; once more stops at once");
    assert!(
        server.child.try_wait().unwrap().is_none(),
        "it did not wait for the request"
    );
    let again = Instant::now();
    server.signal("-TERM");
    let status = server.waits();
    assert!(status.success(), "{status}");
    // It would have waited for ten seconds.
    let took = again.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    drop(request);
    verified(home.path());
    let server = Server::start(home.path());
    let listed = admin.at(&server).get("/api/v1/tokens").await.unwrap();
    assert!(listed.is(200).to_string().contains("before"));
}
