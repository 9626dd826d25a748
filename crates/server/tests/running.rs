//! A server while it runs: health, models loaded again, encryption.

mod common;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{Client, RATE_HZ, SAMPLES, get, model, pcm, run, samples, server};
use stonechat_server::{Load, NamedModel, Notice, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn models_are_loaded_again_without_losing_a_session() {
    let loads = Arc::new(AtomicUsize::new(0));
    let notices = Arc::new(Mutex::new(Vec::new()));
    let server = server(|config| {
        let loads = Arc::clone(&loads);
        // The third time it fails.
        config.models =
            vec![NamedModel::new("english", move || match loads.fetch_add(1, Ordering::Relaxed) {
                2 => Err("somebody is writing it".into()),
                _ => model(),
            })];
        let notices = Arc::clone(&notices);
        config.notice = Arc::new(move |notice| notices.lock().unwrap().push(notice.clone()));
    });
    let bytes = pcm(&samples("train", RATE_HZ));
    let (first, second) = bytes.split_at(bytes.len() / 4 * 2);
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        client.binary(first).await;
        client.answer().await;
        for _ in 0..2 {
            server.reload();
            assert_eq!(get(server.address(), "/readyz").await.status, 200);
        }
        client.binary(second).await;
        client.answer().await;
        client.text("{\"eof\": 1}").await;
        assert_eq!(client.answer().await["text"], SAMPLES[1].1);
        let fresh = common::vosk(server.address(), "", &bytes, 8000).await;
        assert_eq!(common::texts(&fresh), SAMPLES[1].1);
    });
    let notices = notices.lock().unwrap();
    let problem = "model english: somebody is writing it".to_string();
    assert_eq!(*notices, [Notice::Reloaded, Notice::NotReloaded(problem)]);
    assert_eq!(loads.load(Ordering::Relaxed), 3);
}

#[test]
fn health_and_metrics() {
    let server = server(|_| {});
    run(async {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(server.address(), path).await.status, 200);
        }
        let bytes = pcm(&samples("kitchen", RATE_HZ));
        common::vosk(server.address(), "", &bytes, 8000).await;
        let answer = get(server.address(), "/metrics").await;
        assert!(
            answer.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("application/openmetrics-text")
        );
        let text = answer.text();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
        };
        let seconds = bytes.len() as f64 / 2.0 / f64::from(RATE_HZ);
        assert!((value("stonechat_audio_seconds_total") - seconds).abs() < 1e-6, "{text}");
        assert!(value("stonechat_work_seconds_total") > 0.0);
        assert_eq!(value("stonechat_sessions_opened_total{protocol=\"vosk\"}"), 1.0);
        assert_eq!(value("stonechat_models"), 1.0);
        assert!(value("stonechat_lag_seconds_count") > 1.0);
        let hello = get(server.address(), "/").await;
        assert!(hello.status == 200 && hello.text().contains("/v1/audio/transcriptions"));
    });
}

#[test]
fn load_is_answered() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    let said = common::integers(&bytes).collect();
    let mut load = Load::new(format!("ws://{}/", server.address()), 5, said, RATE_HZ);
    load.length = std::time::Duration::from_secs(2);
    let report = load.run().unwrap();
    assert_eq!((report.lost, report.reason), (0, None));
    assert!((report.audio_seconds - 10.0).abs() < 1e-6);
    assert!(report.server_rtf > Some(0.0) && report.lag_ms.p50 <= report.lag_ms.max);
}

/// A certificate that openssl has made.
fn certificate(folder: &tempfile::TempDir) -> Option<Tls> {
    let tls =
        Tls { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&tls.key)
        .arg("-out")
        .arg(&tls.certificate)
        .output();
    made.is_ok_and(|made| made.status.success()).then_some(tls)
}

#[test]
fn connections_are_encrypted() {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    let folder = tempfile::tempdir().unwrap();
    let Some(tls) = certificate(&folder) else {
        println!("skipped: no openssl to make a certificate");
        return;
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&tls.certificate).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    let server = server(|config| config.tls = Some(tls));
    run(async {
        let connect = async || {
            let stream = common::raw(server.address()).await;
            let name = ServerName::try_from("localhost").unwrap();
            connector.connect(name, stream).await.unwrap()
        };
        let mut stream = connect().await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");

        let stream = connect().await;
        let (mut socket, _) =
            tokio_tungstenite::client_async("wss://localhost/", stream).await.unwrap();
        use futures_util::{SinkExt, StreamExt};
        use tokio_tungstenite::tungstenite::Message;
        socket.send(Message::binary(vec![0; 320])).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert!(answer.to_text().unwrap().contains("partial"), "{answer}");

        // Who does not encrypt is not answered.
        let mut plain = common::raw(server.address()).await;
        plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        let _ = plain.read_to_end(&mut bytes).await;
        assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    });
}
