//! Instruction sets, by their names.

use super::status::Failure;
use crate::Isa;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::ptr::null;
use std::sync::OnceLock;

fn c_string(text: &str) -> CString {
    // No name and no advice contains a zero byte; if one did, C would see the part before it.
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// The name of an instruction set, valid forever.
pub(super) fn c_name(isa: Isa) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    let names = NAMES.get_or_init(|| Isa::ALL.iter().map(|isa| c_string(isa.name())).collect());
    let index = Isa::ALL.iter().position(|&other| other == isa);
    index.map_or(c"".as_ptr(), |index| names[index].as_ptr())
}

/// The instruction set with a name given by the caller; the fastest one for null.
///
/// # Safety
/// The name must be null or end with a zero byte.
pub(super) unsafe fn named(name: *const c_char) -> Result<Isa, Failure> {
    if name.is_null() {
        return Ok(Isa::detect());
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    Ok(name.to_string_lossy().parse()?)
}

/// The version of the library: three numbers separated by dots. Never null, valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_kernels_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The name of the default instruction set, the fastest one of this processor. Never null, valid
/// forever.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_isa_name() -> *const c_char {
    c_name(Isa::detect())
}

/// The names of the instruction sets of this processor for which there are kernels, by index from
/// 0, slowest first; null for larger indices. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_isa_available(index: usize) -> *const c_char {
    Isa::available().get(index).map_or(null(), |&isa| c_name(isa))
}

/// What makes products slower than they could be on this machine, in an English sentence; null if
/// there is nothing to say. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_isa_advice() -> *const c_char {
    static ADVICE: OnceLock<Option<CString>> = OnceLock::new();
    let advice = ADVICE.get_or_init(|| Isa::detect().advice().map(c_string));
    advice.as_ref().map_or(null(), |words| words.as_ptr())
}
