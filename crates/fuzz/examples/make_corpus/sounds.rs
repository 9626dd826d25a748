//! Recordings that need no coder, and bare samples.

use stonechat_testing::{Random, pcm, sound, tone, wav};

use crate::input;

const RATE_HZ: u32 = 8_000;

pub fn inputs() -> Vec<(String, Vec<u8>)> {
    let samples = sound(0.1, RATE_HZ, 1);
    let stereo = wav(&samples, RATE_HZ, 2);
    let floats: Vec<u8> = tone(440.0, RATE_HZ, 600).iter().flat_map(|x| x.to_le_bytes()).collect();
    let float = riff(&[(b"fmt ", format(3, 1, 32)), (b"data", floats.clone())]);
    let mut extensible = format(0xfffe, 2, 32);
    extensible.extend(22u16.to_le_bytes());
    extensible.extend(24u16.to_le_bytes());
    extensible.extend(3u32.to_le_bytes());
    extensible.extend([1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    let wide: Vec<u8> =
        samples.iter().flat_map(|x| [((x * 8e6) as i32 * 256).to_le_bytes(); 2].concat()).collect();
    let extensible = riff(&[
        (b"fmt ", extensible),
        (b"LIST", b"INFOISFT\x04\0\0\0made".to_vec()),
        (b"data", wide),
    ]);
    let law = riff(&[
        (b"fmt ", format(7, 1, 8)),
        (b"fact", vec![0; 4]),
        (b"data", (0..800).map(|n| n as u8).collect()),
    ]);
    let tagged = [&b"ID3\x04\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0"[..], &stereo].concat();
    let mut files = vec![
        input("file/stereo.wav", &stereo),
        input("file/float.wav", &float),
        input("file/extensible.wav", &extensible),
        input("file/mu_law.wav", &law),
        input("file/tagged.wav", tagged),
        input("file/samples.aiff", aiff(&samples)),
        input("file/samples.au", au(&samples)),
    ];
    for (name, file) in
        [("stereo", stereo), ("float", float), ("extensible", extensible), ("mu_law", law)]
    {
        // The target puts these bytes in front of it.
        files.push(input(&format!("wav/{name}"), &file[12..]));
    }
    let mut random = Random(3);
    let noise: Vec<u8> = random.values(500).iter().flat_map(|x| x.to_le_bytes()).collect();
    let hostile: Vec<u8> = [f32::NAN, f32::INFINITY, 1e30, -32_768.0, 0.0, 1e-30]
        .repeat(40)
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    for (name, samples) in [("tone", floats), ("noise", noise), ("hostile", hostile)] {
        for channels in 0..4u8 {
            files.push(input(
                &format!("signal/{name}{}", channels + 1),
                [&[channels], &samples[..]].concat(),
            ));
        }
    }
    files
}

fn format(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut bytes = Vec::new();
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(RATE_HZ.to_le_bytes());
    bytes.extend((RATE_HZ * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes
}

fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (name, content) in chunks {
        body.extend(*name);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(content);
        body.extend(&[0u8][..content.len() % 2]);
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn aiff(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> =
        samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_be_bytes()).collect();
    let mut body = b"AIFFCOMM\0\0\0\x12\0\x01".to_vec();
    body.extend((samples.len() as u32).to_be_bytes());
    // 16 bits, and 8000 as an 80-bit float.
    body.extend([0, 16, 0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(b"SSND");
    body.extend((data.len() as u32 + 8).to_be_bytes());
    body.extend([0; 8]);
    body.extend(data);
    [&b"FORM"[..], &(body.len() as u32).to_be_bytes(), &body].concat()
}

fn au(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> =
        pcm(samples).as_chunks::<2>().0.iter().flat_map(|&[low, high]| [high, low]).collect();
    let mut file = b".snd".to_vec();
    for field in [24, data.len() as u32, 3, RATE_HZ, 1] {
        file.extend(field.to_be_bytes());
    }
    file.extend(data);
    file
}
