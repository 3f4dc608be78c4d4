//! One object per user: that user's bus.
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

#[durable_object]
pub struct UserBus {
    _state: State,
}

impl DurableObject for UserBus {
    fn new(state: State, _env: Env) -> Self {
        Self { _state: state }
    }

    async fn fetch(&self, _req: Request) -> Result<Response> {
        Response::error("not found", 404)
    }
}
