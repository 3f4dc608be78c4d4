//! Reading chunks as the runtime has them: bytes that go out again need not come into the module, nor wait for the collector.

use ::files::rows::{chunk_key, chunk_of, start_of};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::{Array, ArrayBuffer, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};

use super::sqlite::BlobSql;

#[wasm_bindgen]
extern "C" {
    type Sql;

    #[wasm_bindgen(method, catch)]
    fn exec(this: &Sql, statement: &str, key: f64) -> Result<Cursor, JsValue>;

    type Cursor;

    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<Rows, JsValue>;

    type Rows;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> Result<Array, JsValue>;
}

/// The bytes of a blob from `from` on, up to the end of its chunk or `until`; none where they are not there.
///
/// # Errors
/// If the statement fails.
pub fn piece(sql: &BlobSql, blob: i64, from: i64, until: i64) -> Result<Option<Uint8Array>, worker::Error> {
    let number = chunk_of(from);
    // Far below 2^53: see `chunk_key`.
    #[allow(clippy::cast_precision_loss)]
    let key = chunk_key(blob, number) as f64;
    let sql = sql.0.0.as_ref().unchecked_ref::<Sql>();
    let rows = sql.exec("SELECT bytes FROM chunks WHERE chunk = ?", key)?.raw()?.to_array()?;
    let Ok(bytes) = rows.get(0).dyn_into::<Array>().map(|row| row.get(0)) else { return Ok(None) };
    let Ok(bytes) = bytes.dyn_into::<ArrayBuffer>() else { return Ok(None) };
    let place = |at: i64| u32::try_from(at.saturating_sub(start_of(number))).unwrap_or(u32::MAX);
    let bytes = Uint8Array::new(&bytes);
    let piece = bytes.subarray(place(from), place(until).min(bytes.length()));
    Ok((piece.length() > 0).then_some(piece))
}
