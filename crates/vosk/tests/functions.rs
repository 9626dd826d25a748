//! The functions as programs call them: what they must refuse, and what they give where there is nothing to give.

#![allow(unsafe_code)] // They are called as C calls them.

use std::ffi::{CStr, CString, c_char};
use std::fs;
use std::path::Path;
use std::ptr;

use vosk::*;

fn text(path: &Path) -> CString {
    CString::new(path.to_str().unwrap()).unwrap()
}

/// What a function gave out.
fn given(pointer: *const c_char) -> serde_json::Value {
    assert!(!pointer.is_null());
    // SAFETY: the functions give texts that end with a zero byte, and none was called since.
    serde_json::from_str(unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()).unwrap()
}

/// A folder with the bundled model and its language model.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("english.stonechat"), stonechat_english::MODEL).unwrap();
    fs::write(folder.path().join("english.lm"), stonechat_english::LANGUAGE_MODEL).unwrap();
    folder
}

#[test]
fn nothing_is_refused_without_a_crash() {
    vosk_set_log_level(-1);
    let name = c"x".as_ptr();
    // SAFETY: NULL is what each of them must bear.
    unsafe {
        assert!(vosk_model_new(ptr::null()).is_null());
        assert!(vosk_recognizer_new(ptr::null_mut(), 16000.0).is_null());
        assert!(vosk_recognizer_new_grm(ptr::null_mut(), 16000.0, name).is_null());
        assert!(vosk_recognizer_new_spk(ptr::null_mut(), 16000.0, ptr::null_mut()).is_null());
        assert_eq!(vosk_model_find_word(ptr::null_mut(), name), -1);
        let none = ptr::null_mut();
        assert_eq!(vosk_recognizer_accept_waveform(none, ptr::null(), 4), -1);
        assert_eq!(vosk_recognizer_accept_waveform_s(none, ptr::null(), 4), -1);
        assert_eq!(vosk_recognizer_accept_waveform_f(none, ptr::null(), 4), -1);
        assert_eq!(given(vosk_recognizer_result(none))["text"], "");
        assert_eq!(given(vosk_recognizer_final_result(none))["text"], "");
        assert_eq!(given(vosk_recognizer_partial_result(none))["partial"], "");
        vosk_recognizer_set_grm(none, name);
        vosk_recognizer_set_words(none, 1);
        vosk_recognizer_set_partial_words(none, 1);
        vosk_recognizer_set_max_alternatives(none, 3);
        vosk_recognizer_set_endpointer_mode(none, 1);
        vosk_recognizer_set_endpointer_delays(none, 1.0, 1.0, 1.0);
        vosk_recognizer_reset(none);
        vosk_recognizer_free(none);
        vosk_model_free(ptr::null_mut());
    }
    assert!(vosk_spk_model_new(name).is_null() && vosk_batch_model_new(name).is_null());
}

#[test]
fn folders_and_files_are_models_and_nothing_else_is() {
    vosk_set_log_level(-1);
    let folder = folder();
    let load = |path: &Path| {
        // SAFETY: the path is a text.
        let model = unsafe { vosk_model_new(text(path).as_ptr()) };
        let found = !model.is_null();
        // SAFETY: it was just made, and nobody has it.
        unsafe { vosk_model_free(model) };
        found
    };
    assert!(load(folder.path()) && load(&folder.path().join("english.stonechat")));
    assert!(!load(&folder.path().join("english.lm")) && !load(&folder.path().join("none")));
    fs::write(folder.path().join("other.stonechat"), stonechat_english::MODEL).unwrap();
    assert!(!load(folder.path()), "two packages in one folder");
    fs::remove_file(folder.path().join("other.stonechat")).unwrap();
    fs::write(folder.path().join("english.lm"), &stonechat_english::LANGUAGE_MODEL[..1000])
        .unwrap();
    assert!(!load(folder.path()), "a damaged language model");
    fs::remove_file(folder.path().join("english.lm")).unwrap();
    assert!(load(folder.path()), "no language model");
    fs::write(folder.path().join("english.stonechat"), &stonechat_english::MODEL[..1000]).unwrap();
    assert!(!load(folder.path()), "a damaged package");
}

#[test]
fn wrong_arguments_are_refused_and_the_recognizer_goes_on() {
    vosk_set_log_level(-1);
    let folder = folder();
    // SAFETY: handles are made here and used by this thread alone; slices say how long they are.
    unsafe {
        let model = vosk_model_new(text(folder.path()).as_ptr());
        assert!(vosk_model_find_word(model, c"kitchen".as_ptr()) >= 0);
        for rate in [0.0, -1.0, 10.0, 1e9, f32::NAN, f32::INFINITY] {
            assert!(vosk_recognizer_new(model, rate).is_null(), "{rate}");
        }
        for grammar in [c"", c"{}", c"lights on", c"[1]", c"[\"\xe9\"]"] {
            let made = vosk_recognizer_new_grm(model, 16000.0, grammar.as_ptr());
            assert!(made.is_null(), "{grammar:?}");
        }
        let recognizer = vosk_recognizer_new(model, 8000.0);
        // The model may go before its recognizers.
        vosk_model_free(model);
        let silence = [0i16; 8000];
        let bytes = silence.as_ptr().cast();
        assert_eq!(vosk_recognizer_accept_waveform(recognizer, bytes, -4), -1);
        assert_eq!(vosk_recognizer_accept_waveform(recognizer, ptr::null(), 4), -1);
        vosk_recognizer_set_endpointer_mode(recognizer, 9);
        vosk_recognizer_set_endpointer_delays(recognizer, f32::NAN, 1.0, 1.0);
        vosk_recognizer_set_grm(recognizer, c"[".as_ptr());
        for mode in 0..4 {
            vosk_recognizer_set_endpointer_mode(recognizer, mode);
            assert_eq!(vosk_recognizer_accept_waveform(recognizer, bytes, 15_999), 0);
        }
        assert_eq!(vosk_recognizer_accept_waveform_s(recognizer, silence.as_ptr(), 8000), 0);
        let floats = [f32::NAN; 100];
        assert_eq!(vosk_recognizer_accept_waveform_f(recognizer, floats.as_ptr(), 100), 0);
        let result = given(vosk_recognizer_final_result(recognizer));
        assert_eq!(result, serde_json::json!({ "text": "" }));
        vosk_recognizer_set_max_alternatives(recognizer, -5);
        vosk_recognizer_set_max_alternatives(recognizer, 2);
        assert!(given(vosk_recognizer_result(recognizer))["alternatives"].is_array());
        vosk_recognizer_free(recognizer);
    }
}
