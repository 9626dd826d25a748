"""Golden features from librosa (0.11), an independent implementation. Needs librosa and numpy; writes beside itself.

    python make_golden.py

input_*.i16 is the recording (16-bit little-endian), NAME.f32 the features of it, frames x dim, 32-bit little-endian floats.
"""
from pathlib import Path

import librosa
import numpy as np

HERE = Path(__file__).parent


def recording(rate, seconds):
    """A gliding tone with harmonics over noise, fading in from near silence."""
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * (180 * t + 400 * t * t)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    noise = np.random.default_rng(7).standard_normal(t.size)
    x = (0.15 * tone + 0.02 * noise) * (1e-3 + np.minimum(1, t / 0.1))
    return np.round(x * 32767).astype("<i2")


def features(samples, rate, window_ms, hop_ms, pre_emphasis, log_floor, mels=None, low_hz=0.0, high_hz=None):
    x = samples.astype(np.float64) / 32768
    x = librosa.effects.preemphasis(x, coef=pre_emphasis, zi=np.zeros(1)) if pre_emphasis else x
    window, hop = round(rate * window_ms / 1000), round(rate * hop_ms / 1000)
    n_fft = window if mels is None else 1 << (window - 1).bit_length()
    frames = 1 + max(0, -(-(x.size - window) // hop))
    # librosa centres a short window in the FFT: shift the signal so that frame t starts at sample t * hop.
    left = (n_fft - window) // 2
    x = np.concatenate([np.zeros(left), x, np.zeros((frames - 1) * hop + n_fft - left - x.size)])
    power = np.abs(librosa.stft(x, n_fft=n_fft, hop_length=hop, win_length=window, window="hann", center=False)) ** 2
    if mels is not None:
        power = librosa.feature.melspectrogram(
            S=power, sr=rate, n_fft=n_fft, n_mels=mels, fmin=low_hz, fmax=high_hz, htk=False, norm="slaney"
        )
    assert power.shape[1] == frames, (power.shape, frames)
    return np.log(power + log_floor).T.astype("<f4")


wide, narrow = recording(16000, 0.205), recording(8000, 0.205)
wide.tofile(HERE / "input_16k.i16")
narrow.tofile(HERE / "input_8k.i16")
cases = {
    "log_mel_80": features(wide, 16000, 20, 10, 0.97, 1e-7, mels=80, low_hz=20.0),
    "log_linear_161": features(wide, 16000, 20, 10, 0.0, 1e-7),
    "log_mel_40_8k": features(narrow, 8000, 25, 10, 0.9, 1e-5, mels=40, low_hz=64.0, high_hz=3800.0),
}
for name, values in cases.items():
    values.tofile(HERE / f"{name}.f32")
    print(name, values.shape)
