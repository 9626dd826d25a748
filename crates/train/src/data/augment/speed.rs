//! Change of speed by any factor: band-limited interpolation with a windowed sinc
//! (Smith, "Digital Audio Resampling", section on windowed sinc interpolation).

use std::f64::consts::PI;

/// Zero crossings of the sinc kept on either side.
const CROSSINGS: f64 = 12.0;
/// Kernels tabulated per sample distance; between two of them the kernel is interpolated linearly,
/// which at 256 costs an error near -100 dB.
const PHASES: usize = 256;

/// Number of samples after playing `samples` at factor `speed`; at least 1 for a non-empty input.
pub fn samples_after(samples: usize, speed: f64) -> usize {
    if samples == 0 { 0 } else { ((samples as f64 / speed).round() as usize).max(1) }
}

/// Plays samples at factor `speed`: y(t) = x(speed * t), tempo and pitch together. When speeding
/// up, frequencies that would alias are filtered out. Shape: `samples_after(wave.len(), speed)`;
/// zeros are assumed around the input.
pub fn change_speed(wave: &[f32], speed: f64) -> Vec<f32> {
    let kernels = Kernels::new(speed);
    let mut padded = vec![0.0; wave.len() + 2 * kernels.taps];
    padded[kernels.taps..kernels.taps + wave.len()].copy_from_slice(wave);
    (0..samples_after(wave.len(), speed))
        .map(|index| {
            let position = index as f64 * speed;
            let whole = position.floor();
            // Tap k of a kernel belongs to input sample whole + 1 - taps / 2 + k.
            let start = whole as usize + 1 + kernels.taps / 2;
            match padded.get(start..start + kernels.taps) {
                Some(window) => kernels.interpolate(window, position - whole),
                None => 0.0,
            }
        })
        .collect()
}

/// The kernel at `PHASES + 1` fractional positions, `taps` values each.
struct Kernels {
    taps: usize,
    values: Vec<f32>,
}

impl Kernels {
    fn new(speed: f64) -> Self {
        // Above speed 1 the output's Nyquist frequency is the lower one.
        let cutoff = (1.0 / speed).min(1.0);
        let half_width = CROSSINGS / cutoff;
        let taps = 2 * half_width.ceil() as usize;
        let mut values = Vec::with_capacity((PHASES + 1) * taps);
        for phase in 0..=PHASES {
            let fraction = phase as f64 / PHASES as f64;
            let row = (0..taps).map(|tap| {
                kernel(tap as f64 + 1.0 - taps as f64 / 2.0 - fraction, cutoff, half_width)
            });
            values.extend(row.map(|value| value as f32));
        }
        Self { taps, values }
    }

    /// The signal at `fraction` of a sample after the window's sample `taps / 2 - 1`.
    fn interpolate(&self, window: &[f32], fraction: f64) -> f32 {
        let place = fraction * PHASES as f64;
        let phase = (place as usize).min(PHASES - 1);
        let rows = &self.values[phase * self.taps..(phase + 2) * self.taps];
        let (near, far) = rows.split_at(self.taps);
        let (near, far) = (dot(near, window), dot(far, window));
        near + (far - near) * (place - phase as f64) as f32
    }
}

/// cutoff * sinc(cutoff * u) under a Hann window of the given half width.
pub(crate) fn kernel(u: f64, cutoff: f64, half_width: f64) -> f64 {
    if u.abs() >= half_width {
        return 0.0;
    }
    let x = PI * cutoff * u;
    let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
    cutoff * sinc * 0.5 * (1.0 + (PI * u / half_width).cos())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side, so that the compiler can use vector instructions; the order is
    // fixed.
    let mut sums = [0.0f32; 8];
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}
