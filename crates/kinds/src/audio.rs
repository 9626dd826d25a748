//! Recognises audio and its container.

use crate::FileKind;

/// (place, bytes, kind); the first match counts.
const SIGNATURES: [(usize, &[u8], FileKind); 27] = [
    (0, b"fLaC", FileKind::Flac),
    (0, b"riff\x2e\x91\xcf\x11", FileKind::Wave64),
    (0, b".snd", FileKind::Au),
    (0, b"caff\0\x01", FileKind::Caf),
    (0, b"\x1a\x45\xdf\xa3", FileKind::Matroska),
    (4, b"ftyp", FileKind::Mp4),
    (4, b"moov", FileKind::Mp4),
    (4, b"mdat", FileKind::Mp4),
    (0, b"NIST_1A", FileKind::Sphere),
    (0, b"#!AMR-WB\n", FileKind::OtherMedia("an AMR-WB file")),
    (0, b"#!AMR\n", FileKind::OtherMedia("an AMR file")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FileKind::OtherMedia("Windows Media (wma, wmv)")),
    (0, b"wvpk", FileKind::OtherMedia("a WavPack file")),
    (0, b"MAC ", FileKind::OtherMedia("a Monkey's Audio file")),
    (0, b"TTA1", FileKind::OtherMedia("a True Audio file")),
    (0, b"MPCK", FileKind::OtherMedia("a Musepack file")),
    (0, b"MP+", FileKind::OtherMedia("a Musepack file")),
    (0, b"DSD ", FileKind::OtherMedia("a DSD file")),
    (0, b"FRM8", FileKind::OtherMedia("a DSD file")),
    (0, b"Creative Voice File", FileKind::OtherMedia("a Creative Voice file")),
    (0, b".RMF", FileKind::OtherMedia("RealMedia")),
    (0, b".ra\xfd", FileKind::OtherMedia("RealAudio")),
    (0, b"FLV\x01", FileKind::OtherMedia("Flash video")),
    (0, b"\0\0\x01\xba", FileKind::OtherMedia("MPEG video")),
    (0, b"\0\0\x01\xb3", FileKind::OtherMedia("MPEG video")),
    (0, b"MThd", FileKind::Other("a MIDI file, which has notes and no sound")),
    (0, b"ajkg", FileKind::OtherMedia("a Shorten file")),
];

/// Formats with a signature.
pub(crate) fn kind(head: &[u8]) -> Option<FileKind> {
    let form = head.get(8..12).unwrap_or(b"");
    match head.get(..4)? {
        b"RIFF" | b"RF64" | b"BW64" if form == b"WAVE" => return Some(FileKind::Wav),
        b"RIFF" if form == b"AVI " => return Some(FileKind::OtherMedia("an AVI video")),
        b"RIFF" if form == b"WEBP" => return Some(FileKind::Other("a WebP picture")),
        b"RIFF" => return Some(FileKind::Other("a RIFF file that is not wav")),
        b"FORM" if matches!(form, b"AIFF" | b"AIFC") => return Some(FileKind::Aiff),
        b"OggS" => return Some(FileKind::Ogg(ogg_codec(head))),
        _ => {}
    }
    // A tag belongs to what follows it; a tag alone suggests an mp3 file.
    if let Some(tag) = id3v2_bytes(head) {
        let inner = usize::try_from(tag).ok().and_then(|tag| head.get(tag..));
        let inner = inner.filter(|rest| !rest.is_empty()).and_then(kind);
        return Some(inner.unwrap_or(FileKind::Mpeg));
    }
    let known =
        SIGNATURES.iter().find(|(at, b, _)| head.get(*at..).is_some_and(|h| h.starts_with(b)));
    known.map(|(_, _, kind)| *kind)
}

/// MPEG audio, AAC and transport streams have no magic number, but frames of a stated length, one
/// after another.
pub(crate) fn by_frames(head: &[u8]) -> Option<FileKind> {
    if head.len() > 188 && head.iter().step_by(188).take(8).all(|&byte| byte == 0x47) {
        return Some(FileKind::OtherMedia("an MPEG transport stream"));
    }
    let frames = |length: fn(&[u8]) -> Option<usize>| {
        let (mut at, mut count) = (0, 0);
        while let Some(frame) = head.get(at..).and_then(length) {
            (at, count) = (at + frame, count + 1);
        }
        count
    };
    match (frames(adts_bytes), frames(mpeg_bytes)) {
        (2.., _) => Some(FileKind::Adts),
        (_, 2..) => Some(FileKind::Mpeg),
        _ => None,
    }
}

/// Bytes of the ID3v2 tag at the start of `head`.
pub fn id3v2_bytes(head: &[u8]) -> Option<u64> {
    let head = head.get(..10).filter(|head| head.starts_with(b"ID3"))?;
    let size = &head[6..10];
    if head[3] == 0xff || head[4] == 0xff || size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let body = size.iter().fold(0, |sum, &byte| sum << 7 | u64::from(byte));
    let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + body + footer)
}

/// The codec of the first page's first packet.
fn ogg_codec(head: &[u8]) -> &'static str {
    let segments = head.get(26).map_or(0, |&count| usize::from(count));
    let packet = head.get(27 + segments..).unwrap_or(b"");
    let known: [(&[u8], &str); 8] = [
        (b"\x01vorbis", "vorbis"),
        (b"OpusHead", "opus"),
        (b"\x7fFLAC", "flac"),
        (b"fLaC", "flac"),
        (b"Speex   ", "speex"),
        (b"\x80theora", "theora video"),
        (b"fishead\0", "several streams"),
        (b"CELT    ", "celt"),
    ];
    known.iter().find(|(magic, _)| packet.starts_with(magic)).map_or("an unknown codec", |k| k.1)
}

/// Length of the ADTS frame at the start of `bytes`.
fn adts_bytes(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..7)?;
    let rate = header[2] >> 2 & 15;
    if header[0] != 0xff || header[1] & 0xf6 != 0xf0 || rate > 12 {
        return None;
    }
    let length = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5] >> 5);
    (length > 7).then_some(length)
}

/// Length of the MPEG audio frame at the start of `bytes`.
fn mpeg_bytes(bytes: &[u8]) -> Option<usize> {
    let &[0xff, second, third, _] = bytes.get(..4)? else { return None };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (rate_index, bitrate_index) = (usize::from(third >> 2 & 3), usize::from(third >> 4));
    if second & 0xe0 != 0xe0 || version == 1 || layer == 0 || rate_index == 3 {
        return None;
    }
    if bitrate_index == 0 || bitrate_index == 15 {
        return None;
    }
    // ISO 11172-3, 2.4.2.3, and ISO 13818-3: kbit/s by version and layer.
    const V1L1: [usize; 14] = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
    const V1L2: [usize; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
    const V1L3: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const V2L1: [usize; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
    const V2L23: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let table = match (version, layer) {
        (3, 3) => V1L1,
        (3, 2) => V1L2,
        (3, _) => V1L3,
        (_, 3) => V2L1,
        _ => V2L23,
    };
    let bitrate = table[bitrate_index - 1] * 1000;
    let rate_hz = [44_100, 48_000, 32_000][rate_index] >> [2, 0, 1, 0][usize::from(version)];
    let padding = usize::from(third >> 1 & 1);
    Some(match (layer, version) {
        (3, _) => (12 * bitrate / rate_hz + padding) * 4,
        (1, 0 | 2) => 72 * bitrate / rate_hz + padding,
        _ => 144 * bitrate / rate_hz + padding,
    })
}
