//! The memory of this process.

/// Largest resident set so far, in MB (10^6 bytes); `None` where the system does not say in the way of
/// Linux.
pub fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    peak_of(&status)
}

fn peak_of(status: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_file() {
        let status =
            "Name:\tstonechat\nVmPeak:\t   9000 kB\nVmHWM:\t    5000 kB\nVmRSS:\t    4000 kB\n";
        assert_eq!(peak_of(status), Some(5.12));
        for other in ["", "VmHWM:\tmany kB\n", "VmHWM:\t12\n"] {
            assert_eq!(peak_of(other), None, "{other:?}");
        }
    }
}
