use super::*;

fn check(rules: &Outbound, url: &str) -> Result<(), NotAllowed> {
    match Url::parse(url) {
        Ok(url) => Rules::new(rules).check(&url),
        Err(_) => Err(NotAllowed::Malformed),
    }
}

#[test]
fn https_to_the_internet_is_open() {
    for url in [
        "https://github.com/login",
        "https://git.example.com:8443/",
        "https://140.82.121.3/",
    ] {
        assert_eq!(check(&Outbound::default(), url), Ok(()), "{url}");
    }
}

#[test]
fn every_other_way_out_is_closed_without_a_packet() {
    for (url, why) in [
        ("http://github.com/", NotAllowed::PlainHttp),
        ("https://127.0.0.1/", NotAllowed::Private),
        ("https://[::1]/", NotAllowed::Private),
        ("https://0/", NotAllowed::Never),
        ("https://2130706433/", NotAllowed::Private),
        ("https://0x7f.1/", NotAllowed::Private),
        ("https://169.254.169.254/", NotAllowed::Never),
        ("https://[fd00:ec2::254]/", NotAllowed::Never),
        ("https://[::ffff:127.0.0.1]/", NotAllowed::Private),
        ("https://[64:ff9b::7f00:1]/", NotAllowed::Private),
        ("https://localhost./", NotAllowed::Private),
        ("https://LOCALHOST/", NotAllowed::Private),
        ("https://git.localhost/", NotAllowed::Private),
        ("https://metadata.google.internal/", NotAllowed::Never),
        ("https://metadata.google.internal./", NotAllowed::Never),
        ("https://ada@github.com/", NotAllowed::Malformed),
        ("https://ada:secret@github.com/", NotAllowed::Malformed),
        ("https://github.com/#part", NotAllowed::Malformed),
        ("https://github.com:22/", NotAllowed::Port),
        ("ftp://github.com/", NotAllowed::PlainHttp),
        ("data:text/plain,x", NotAllowed::Malformed),
    ] {
        assert_eq!(check(&Outbound::default(), url), Err(why), "{url}");
    }
}

#[test]
fn what_is_listed_is_open_at_its_port_and_nowhere_else() {
    let rules = Outbound::to_practice(["127.0.0.1:8080", "[::1]:8080", "git.corp"]);
    for open in [
        "http://127.0.0.1:8080/",
        "https://127.0.0.1:8080/",
        "http://[::1]:8080/",
        "http://git.corp/",
        "http://GIT.corp.:7990/",
    ] {
        assert_eq!(check(&rules, open), Ok(()), "{open}");
    }
    assert_eq!(
        check(&rules, "http://127.0.0.1:8081/"),
        Err(NotAllowed::PlainHttp)
    );
    assert_eq!(
        check(&rules, "https://127.0.0.1:8081/"),
        Err(NotAllowed::Private)
    );
    assert_eq!(
        check(&rules, "http://git.corp.evil/"),
        Err(NotAllowed::PlainHttp)
    );
}

#[test]
fn a_listed_host_never_leads_to_a_metadata_service() {
    let rules = Outbound::to_practice(["169.254.169.254", "git.corp"]);
    assert_eq!(
        check(&rules, "https://169.254.169.254/"),
        Err(NotAllowed::Never)
    );
    let metadata: SocketAddr = "169.254.169.254:0".parse().unwrap();
    assert_eq!(
        Rules::new(&rules).check_addresses("git.corp", &[metadata]),
        Err(NotAllowed::Never)
    );
}

#[test]
fn one_private_address_among_public_ones_closes_a_name() {
    let found: Vec<SocketAddr> = ["140.82.121.3:0", "10.0.0.1:0"]
        .map(|address| address.parse().unwrap())
        .into();
    let rules = Rules::new(&Outbound {
        allow_private: vec!["git.corp".to_owned()],
        ..Outbound::default()
    });
    assert_eq!(
        rules.check_addresses("rebound.example", &found),
        Err(NotAllowed::Private)
    );
    assert_eq!(rules.check_addresses("git.corp", &found), Ok(()));
    assert_eq!(rules.check_addresses("GIT.corp.", &found), Ok(()));
    assert_eq!(rules.check_addresses("github.com", &found[..1]), Ok(()));
}

#[test]
fn an_admins_proxy_stands_where_a_provider_may_stand() {
    let rules = Rules::new(&Outbound::to_practice(["10.0.0.7:3128", "proxy.corp"]));
    let proxy = |url: &str| rules.check_proxy(&Url::parse(url).unwrap());
    for open in [
        "http://proxy.example.com:3128",
        "https://140.82.121.3",
        "http://10.0.0.7:3128",
        "http://proxy.corp:8080",
    ] {
        assert_eq!(proxy(open), Ok(()), "{open}");
    }
    for (closed, why) in [
        ("http://127.0.0.1:3128", NotAllowed::Private),
        ("http://[::ffff:127.0.0.1]:3128", NotAllowed::Private),
        ("http://localhost:3128", NotAllowed::Private),
        ("http://10.0.0.7:3129", NotAllowed::Private),
        ("http://169.254.169.254", NotAllowed::Never),
        ("http://metadata.google.internal", NotAllowed::Never),
        ("http://proxy.example.com:25", NotAllowed::Port),
    ] {
        assert_eq!(proxy(closed), Err(why), "{closed}");
    }
}

#[tokio::test]
async fn a_name_behind_an_admins_proxy_is_judged_as_without_it() {
    let behind = async |rules: &Outbound, url: &str| {
        let url = Url::parse(url).unwrap();
        Rules::new(rules).check_behind_proxy(&url).await
    };
    let none = Outbound::default();
    let closed = Err(NotAllowed::Private);
    assert_eq!(behind(&none, "https://localhost/").await, closed);
    let listed = Outbound::to_practice(["localhost"]);
    assert_eq!(behind(&listed, "https://localhost/").await, Ok(()));
    // RFC 6761: no resolver knows this one, but the proxy's may.
    assert_eq!(behind(&none, "https://git.invalid/").await, Ok(()));
}

#[tokio::test]
async fn the_client_is_given_judged_addresses_only() {
    let resolve = async |rules: &Outbound| {
        let resolver = Resolver(Arc::new(Rules::new(rules)));
        resolver.resolve("localhost".parse().unwrap()).await
    };
    let refused = resolve(&Outbound::default()).await.err().unwrap();
    assert_eq!(refused.downcast_ref(), Some(&NotAllowed::Private));
    let found = resolve(&Outbound::to_practice(["localhost:80"])).await;
    assert!(found.unwrap().all(|address| address.ip().is_loopback()));
}

#[test]
fn a_host_listed_at_one_port_is_closed_at_the_others_before_it_is_looked_up() {
    let rules = Outbound::to_practice(["git.corp:8443"]);
    assert_eq!(check(&rules, "https://git.corp:8443/"), Ok(()));
    assert_eq!(check(&rules, "https://git.corp/"), Err(NotAllowed::Private));
}
