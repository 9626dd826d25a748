//! Distillation (Hinton et al. 2015): pulls the net's posteriors towards those of a teacher.
//!
//! ```text
//! p = softmax(teacher / T), q = softmax(student / T)
//! loss = T^2 sum over frames of KL(p || q),   d loss / d student = T (q - p)
//! ```
//!
//! The factor `T^2` keeps the size of the gradient when the temperature changes (their section 2).

use stonechat_decode::ctc::normalisers;

use super::sequence_loss::{Loss, each};

/// The divergence of each sequence, summed over its frames; `student` and `teacher` are
/// `batch x steps x symbols` logits.
pub fn loss(
    student: &[f32],
    teacher: &[f32],
    lengths: &[usize],
    temperature: f32,
    steps: usize,
    symbols: usize,
) -> Loss {
    each(student, lengths, steps, symbols, |i, student, gradient| {
        let teacher = &teacher[i * steps * symbols..][..student.len()];
        let soft =
            |logits: &[f32]| -> Vec<f32> { logits.iter().map(|x| x / temperature).collect() };
        let (q, p) = (soft(student), soft(teacher));
        let (log_q, log_p) = (normalisers(&q, symbols), normalisers(&p, symbols));
        let mut divergence = 0.0;
        for (k, gradient) in gradient.iter_mut().enumerate() {
            let log_p = f64::from(p[k]) - log_p[k / symbols];
            let log_q = f64::from(q[k]) - log_q[k / symbols];
            divergence += log_p.exp() * (log_p - log_q);
            *gradient = (f64::from(temperature) * (log_q.exp() - log_p.exp())) as f32;
        }
        f64::from(temperature * temperature) * divergence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(count: usize, shift: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + shift * 11) % 23) as f32 / 8.0 - 1.4).collect()
    }

    #[test]
    fn gradient_equals_finite_differences() {
        let (steps, symbols, lengths) = (5, 4, [5, 3]);
        let (student, teacher) = (logits(40, 0), logits(40, 1));
        for temperature in [1.0, 2.5] {
            let run = |x: &[f32]| loss(x, &teacher, &lengths, temperature, steps, symbols);
            let gradient = run(&student).gradient;
            for i in 0..student.len() {
                let at = |d: f32| {
                    let mut x = student.clone();
                    x[i] += d;
                    run(&x).losses.iter().map(|&l| f64::from(l)).sum::<f64>()
                };
                let numeric = (at(2e-2) - at(-2e-2)) / 4e-2;
                let case = format!("T {temperature}, logit {i}: {} and {numeric}", gradient[i]);
                assert!((f64::from(gradient[i]) - numeric).abs() < 2e-3, "{case}");
                assert!(i < 32 || gradient[i] == 0.0, "padding, {case}");
            }
        }
    }

    #[test]
    fn the_teacher_itself_costs_nothing_and_offsets_do_not_count() {
        let teacher = logits(12, 2);
        let shifted: Vec<f32> = teacher.iter().map(|x| x + 3.0).collect();
        let same = loss(&shifted, &teacher, &[3], 2.0, 3, 4);
        assert!(same.losses[0].abs() < 1e-5, "{}", same.losses[0]);
        assert!(same.gradient.iter().all(|g| g.abs() < 1e-5));
        let two = loss(&[0.0, 0.0], &[1e9, 0.0], &[1], 1.0, 1, 2);
        assert!((two.losses[0] - std::f32::consts::LN_2).abs() < 1e-6, "{}", two.losses[0]);
    }
}
