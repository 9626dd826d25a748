//! Functions without a counterpart: speaker models, batches on GPUs, text processors, results as
//! XML. Those that would make something return NULL, which clients understand as "not available";
//! the others do nothing.

use std::ffi::{c_char, c_float, c_int, c_void};
use std::ptr;

use crate::ffi::{VoskModel, VoskRecognizer, vosk_recognizer_new};

/// Something that is never made.
pub type Nothing = *mut c_void;

/// Functions that make nothing.
macro_rules! makes_nothing {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        /// Not available.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $kind),*) -> Nothing {
            $(let _ = $argument;)*
            ptr::null_mut()
        }
    )*};
}

/// Functions that do nothing.
macro_rules! does_nothing {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        /// Not available.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $kind),*) {
            $(let _ = $argument;)*
        }
    )*};
}

makes_nothing! {
    vosk_spk_model_new(path: *const c_char);
    vosk_batch_model_new(path: *const c_char);
    vosk_batch_recognizer_new(model: Nothing, sample_rate: c_float);
    vosk_batch_recognizer_front_result(recognizer: Nothing);
    vosk_text_processor_new(tagger: *const c_char, verbalizer: *const c_char);
    vosk_text_processor_itn(processor: Nothing, input: *const c_char);
}

does_nothing! {
    vosk_spk_model_free(model: Nothing);
    vosk_recognizer_set_spk_model(recognizer: *mut VoskRecognizer, model: Nothing);
    vosk_recognizer_set_nlsml(recognizer: *mut VoskRecognizer, on: c_int);
    vosk_gpu_init();
    vosk_gpu_thread_init();
    vosk_batch_model_free(model: Nothing);
    vosk_batch_model_wait(model: Nothing);
    vosk_batch_recognizer_free(recognizer: Nothing);
    vosk_batch_recognizer_accept_waveform(recognizer: Nothing, data: *const c_char, length: c_int);
    vosk_batch_recognizer_set_nlsml(recognizer: Nothing, on: c_int);
    vosk_batch_recognizer_finish_stream(recognizer: Nothing);
    vosk_batch_recognizer_pop(recognizer: Nothing);
    vosk_text_processor_free(processor: Nothing);
}

/// A recognizer without the speaker model, which cannot exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_new_spk(
    model: *mut VoskModel,
    sample_rate: c_float,
    speaker: Nothing,
) -> *mut VoskRecognizer {
    let _ = speaker;
    // SAFETY: promised by the caller.
    unsafe { vosk_recognizer_new(model, sample_rate) }
}

/// No batch is ever pending.
#[unsafe(no_mangle)]
pub extern "C" fn vosk_batch_recognizer_get_pending_chunks(recognizer: Nothing) -> c_int {
    let _ = recognizer;
    0
}
