//! What follows from a config, and which configs are rejected.

mod common;

use common::full_config;
use stonechat_model::{Candidate, ConvConfig, Kind, NetworkConfig, RowConvConfig};

/// The streaming Deep Speech 2 of the ICML paper, the baseline of Kliegl et al. 2017.
fn deep_speech_2() -> NetworkConfig {
    let conv = |kernel, stride| ConvConfig { channels: 32, kernel, stride, lookahead: 5 };
    NetworkConfig {
        input: 161,
        conv: vec![conv([41, 11], [2, 2]), conv([21, 11], [2, 1])],
        clip: 20.0,
        recurrent: vec![2560.into(); 3],
        candidate: Candidate::ClippedRelu,
        row_conv: Some(RowConvConfig { lookahead: 80 }),
        fc: Some(2560),
    }
}

#[test]
fn deep_speech_2_has_the_published_sizes() {
    let config = deep_speech_2();
    config.validate().unwrap();
    assert_eq!([0, 1, 2].map(|l| config.conv_bins(l)), [161, 81, 41]);
    assert_eq!(config.recurrent_input(0), 1312);
    assert_eq!(config.time_stride(), 2);
    let maps: usize = config.linear_maps(29).iter().map(|m| m.rows * m.cols).sum();
    // Kliegl et al. print 115.5 M for it; biases are 0.03 M of that.
    let taps = 81 * 2560;
    assert!(((maps + taps) as f64 / 1e6 - 115.5).abs() < 0.05, "{maps}");
    // (5 + 5 * 2 + 80 * 2) frames of 10 ms.
    assert_eq!(config.lookahead_ms(10.0), 1750.0);
}

#[test]
fn maps_are_listed_bottom_to_top() {
    let maps = full_config().linear_maps(29);
    let listed: Vec<_> = maps.iter().map(|m| (m.name.as_str(), m.rows, m.cols, m.kind)).collect();
    assert_eq!(
        listed,
        [
            ("conv.0", 3, 15, Kind::Conv),
            ("conv.1", 2, 36, Kind::Conv),
            ("gru.0.nonrec", 15, 4, Kind::Nonrecurrent),
            ("gru.0.rec", 15, 5, Kind::Recurrent),
            ("gru.1.nonrec", 21, 5, Kind::Nonrecurrent),
            ("gru.1.rec", 21, 7, Kind::Recurrent),
            ("fc", 6, 7, Kind::FullyConnected),
            ("output", 29, 6, Kind::Output),
        ]
    );
    let mut plain = full_config();
    (plain.conv, plain.fc, plain.row_conv) = (vec![], None, None);
    assert_eq!((plain.recurrent_input(0), plain.output_input()), (8, 7));
    assert_eq!((plain.time_stride(), plain.lookahead_frames()), (1, 0));
}

#[test]
fn frames_out_rounds_up_at_each_stride() {
    let mut config = full_config();
    config.conv[1].stride[1] = 3;
    let table = [(0, 0), (1, 1), (2, 1), (6, 1), (7, 2), (12, 2), (13, 3)];
    for (frames, wanted) in table {
        assert_eq!(config.frames_out(frames), wanted, "{frames}");
    }
    assert_eq!(config.time_stride(), 6);
    assert_eq!(config.lookahead_frames(), 1 + 2 * 6);
}

#[test]
fn bad_configs_are_refused_by_field() {
    type Spoil = fn(&mut NetworkConfig);
    let table: [(&str, Spoil); 18] = [
        ("`input`", |c| c.input = 0),
        ("`input`", |c| c.input = 65_537),
        ("`clip`", |c| c.clip = 0.0),
        ("`clip`", |c| c.clip = f32::NAN),
        ("`conv (layers)`", |c| c.conv = vec![c.conv[0].clone(); 17]),
        ("`conv[0].channels`", |c| c.conv[0].channels = 0),
        ("`conv[1].kernel[0]`", |c| c.conv[1].kernel[0] = 0),
        ("`conv[1].kernel[0]`", |c| c.conv[1].kernel[0] = usize::MAX),
        ("`conv[0].stride[1]`", |c| c.conv[0].stride[1] = 0),
        ("`conv[0].lookahead`", |c| c.conv[0].lookahead = 3),
        ("`conv[0] (bins x channels)`", |c| c.conv[0].channels = 65_536),
        ("`conv[1].stride[1] (all layers)`", |c| c.conv[1].stride[1] = 1024),
        ("`recurrent (layers)`", |c| c.recurrent = vec![]),
        ("`recurrent (layers)`", |c| c.recurrent = vec![1.into(); 17]),
        ("`recurrent[1]`", |c| c.recurrent[1].hidden = 0),
        ("`recurrent[0]`", |c| c.recurrent[0].hidden = 65_536),
        ("`row_conv.lookahead`", |c| c.row_conv.as_mut().unwrap().lookahead = 1025),
        ("`fc`", |c| c.fc = Some(0)),
    ];
    full_config().validate().unwrap();
    for (i, (field, spoil)) in table.into_iter().enumerate() {
        let mut config = full_config();
        spoil(&mut config);
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(field), "case {i}: wanted {field}, got: {error}");
    }
}

#[test]
fn a_filter_taller_than_the_padded_input_is_refused() {
    // An even filter of 4 pads 1 on each side, so that one bin below it is too few.
    for (input, fits) in [(1, false), (2, true)] {
        let mut config = full_config();
        config.input = input;
        config.conv.truncate(1);
        config.conv[0].kernel[0] = 4;
        assert_eq!(config.validate().is_ok(), fits, "{input}");
    }
}

#[test]
fn json_has_defaults_and_no_unknown_fields() {
    let config: NetworkConfig = serde_json::from_str(r#"{"input": 80, "gru": [4]}"#).unwrap();
    let wanted = NetworkConfig {
        input: 80,
        conv: vec![],
        clip: 20.0,
        recurrent: vec![4.into()],
        candidate: Candidate::Tanh,
        row_conv: None,
        fc: None,
    };
    assert_eq!(config, wanted);
    let full = full_config();
    let text = serde_json::to_string(&full).unwrap();
    assert_eq!(serde_json::from_str::<NetworkConfig>(&text).unwrap(), full);
    for text in [
        r#"{"input": 80, "gru": [4], "grus": 1}"#,
        r#"{"input": 80, "gru": [4], "candidate": "relu"}"#,
        r#"{"input": 80, "gru": [4], "row_conv": {"lookahead": 1, "taps": 2}}"#,
        r#"{"input": 80, "gru": [4], "conv": [{"channels": 1, "kernel": [1, 1], "stride": [1, 1], "pad": 1}]}"#,
        r#"{"input": -80, "gru": [4]}"#,
        r#"{"gru": [4]}"#,
    ] {
        assert!(serde_json::from_str::<NetworkConfig>(text).is_err(), "{text}");
    }
}
