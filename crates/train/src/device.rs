//! The devices a recipe can name.

use burn::tensor::Device;

use crate::TrainError;
use crate::recipe::DeviceKind;

/// Opens a device.
///
/// # Errors
/// The build does not know the device.
pub fn open(kind: DeviceKind) -> Result<Device, TrainError> {
    match kind {
        DeviceKind::Cpu => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Ok(Device::cuda(0)),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Ok(Device::wgpu(Default::default())),
        #[allow(unreachable_patterns)] // with all features there is nothing left
        other => Err(TrainError::Device(other)),
    }
}
