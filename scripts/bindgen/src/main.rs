//! Makes the JavaScript side of the module: `bindgen MODULE.wasm FOLDER` writes FOLDER/index.js and FOLDER/index_bg.wasm.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        eprintln!("usage: bindgen MODULE.wasm FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    // After a panic the module has to be made anew: the first writes the function that does it, the second notices.
    bindgen.reset_state_function(true).force_enable_abort_handler(true);
    let made = bindgen.input_path(module).out_name("index").module(true).and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}
