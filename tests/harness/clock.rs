//! A clock that is wrong: loaded into a process (LD_PRELOAD), it moves the time of day by CLOCK_OFFSET_SECONDS.
//! Clocks that only measure how long something takes are left alone.

#![allow(clippy::missing_safety_doc)]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

#[repr(C)]
pub struct Time {
    seconds: c_long,
    rest: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
}

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;
const REALTIME: c_int = 0;
const REALTIME_COARSE: c_int = 5;

fn offset() -> c_long {
    static OFFSET: OnceLock<c_long> = OnceLock::new();
    *OFFSET.get_or_init(|| {
        let text = unsafe { getenv(c"CLOCK_OFFSET_SECONDS".as_ptr()) };
        let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
        text.and_then(|text| text.to_str().ok()?.parse().ok()).unwrap_or(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    let result = unsafe { syscall(CLOCK_GETTIME, clock, time) };
    if result == 0 && (clock == REALTIME || clock == REALTIME_COARSE) {
        unsafe { (*time).seconds += offset() };
    }
    result as c_int
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut Time, _zone: *mut c_void) -> c_int {
    let result = unsafe { clock_gettime(REALTIME, time) };
    if result == 0 {
        unsafe { (*time).rest /= 1_000 };
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(place: *mut c_long) -> c_long {
    let mut now = Time { seconds: 0, rest: 0 };
    unsafe { clock_gettime(REALTIME, &raw mut now) };
    if !place.is_null() {
        unsafe { *place = now.seconds };
    }
    now.seconds
}
