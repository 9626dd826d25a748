//! Numbers with a derivative along one direction: forward-mode differentiation, one number at a
//! time.

use std::ops::{Add, Div, Mul, Sub};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dual {
    pub value: f64,
    pub slope: f64,
}

impl Dual {
    /// `f` of the number, where `derivative` is the derivative of `f` there.
    fn map(self, value: f64, derivative: f64) -> Self {
        Self { value, slope: derivative * self.slope }
    }

    pub fn tanh(self) -> Self {
        let y = self.value.tanh();
        self.map(y, 1.0 - y * y)
    }

    pub fn sigmoid(self) -> Self {
        let y = 1.0 / (1.0 + (-self.value).exp());
        self.map(y, y * (1.0 - y))
    }

    pub fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.map(y, 0.5 / y)
    }

    /// Flat outside of `0..limit`.
    pub fn clip(self, limit: f64) -> Self {
        let inside = self.value > 0.0 && self.value < limit;
        self.map(self.value.clamp(0.0, limit), f64::from(u8::from(inside)))
    }

    /// Rounded to a multiple of `unit`; the derivative ignores that.
    pub fn round_through(self, unit: f64) -> Self {
        self.map((self.value / unit).round() * unit, 1.0)
    }
}

impl From<f64> for Dual {
    fn from(value: f64) -> Self {
        Self { value, slope: 0.0 }
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        Self { value: self.value + b.value, slope: self.slope + b.slope }
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        Self { value: self.value - b.value, slope: self.slope - b.slope }
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        Self { value: self.value * b.value, slope: self.slope * b.value + self.value * b.slope }
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, b: Self) -> Self {
        let value = self.value / b.value;
        Self { value, slope: (self.slope - value * b.slope) / b.value }
    }
}

impl std::iter::Sum for Dual {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
