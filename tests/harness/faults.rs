//! Faults of the machine, for a process that loads this (LD_PRELOAD). CLOCK_OFFSET_SECONDS moves the time of day; clocks that
//! only measure how long something takes are left alone. While the file DISK_FULL exists, no write at a place in a file finds
//! room, which is how SQLite writes. Single bytes do: by these SQLite grows the index of its log, which it shares in memory.

#![allow(clippy::missing_safety_doc)]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

#[repr(C)]
pub struct Time {
    seconds: c_long,
    rest: c_long,
}

unsafe extern "C" {
    fn access(path: *const c_char, mode: c_int) -> c_int;
    fn __errno_location() -> *mut c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
}

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;
const REALTIME: c_int = 0;
const REALTIME_COARSE: c_int = 5;

const NO_SPACE: c_int = 28;
#[cfg(target_arch = "x86_64")]
const PWRITE: c_long = 18;
#[cfg(target_arch = "aarch64")]
const PWRITE: c_long = 68;

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

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(file: c_int, data: *const c_void, length: usize, place: c_long) -> isize {
    let marker = unsafe { getenv(c"DISK_FULL".as_ptr()) };
    if length > 1 && !marker.is_null() && unsafe { access(marker, 0) } == 0 {
        unsafe { *__errno_location() = NO_SPACE };
        return -1;
    }
    unsafe { syscall(PWRITE, file, data, length, place) as isize }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(file: c_int, data: *const c_void, length: usize, place: c_long) -> isize {
    unsafe { pwrite64(file, data, length, place) }
}
