//! One object per user: that user's files.
//!
//! `POST /command` takes a `files::wire::Request` as JSON and is answered with a `Reply`. `PUT`, `PATCH`, `GET` and `HEAD` of
//! `/<file id>` carry bytes, and say in the header `ASK` what for. Only the edge reaches this.

mod chunks;
mod downloads;
mod failure;
mod removal;
mod sqlite;
mod store;
mod streams;
mod transfers;
mod uploads;

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::{Rc, Weak};

use ::files::cleaning::Leftover;
use ::files::commands::{self, Kept, Performed};
use ::files::limits::Limits;
use ::files::refusal::{Error as CoreError, Refusal};
use ::files::schema::FILES;
use ::files::wire::{ASK, Ask, Command, File, Keep, Place, Reply, Request as FilesRequest, Stream};
use ::files::writing::{Ended, is_nobodys, stored};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::wire::command::{Command as BusCommand, Request as BusRequest};
use kernel::json;
use kernel::migrate::migrate;
use kernel::trace::Trace;
use runtime::{WebCrypto, now_ms};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{
    DurableObject, Env, Error as RuntimeError, Method, Request, Response, Result, State, console_error, durable_object,
};

use crate::account::post;
use crate::sleepers::Sleepers;
use crate::sqlite::ObjectSql;
use failure::Failure;
use sqlite::BlobSql;
use store::Stores;

/// How soon a cleaning that failed is tried again.
const RETRY: Duration = Duration::from_secs(60);

#[durable_object(alarm)]
pub struct Files(Rc<Shelf>);

/// What the object is made of; shared with the streams of answers that outlive the call that began them.
struct Shelf {
    state: State,
    env: Env,
    sql: BlobSql,
    limits: Limits,
    stores: Stores,
    sleepers: Rc<Sleepers>,
    /// The schema is up to date.
    awake: Cell<bool>,
    /// Uploads that a request writes.
    written: RefCell<Vec<String>>,
    /// Content that requests write or read, once for each.
    busy: RefCell<Vec<i64>>,
    /// Jobs whose results are being kept.
    kept: RefCell<Vec<String>>,
    transfers: Cell<usize>,
    /// The account is being deleted: nothing more may come.
    erasing: Cell<bool>,
    /// How often everything was erased: what was being written before finds nothing of it.
    erasures: Cell<u32>,
    /// Until when what R2 has not erased is left alone. Unix milliseconds.
    left_until_ms: Cell<i64>,
    /// A reference to itself, for tasks that outlive a call.
    me: Weak<Self>,
}

impl DurableObject for Files {
    fn new(state: State, env: Env) -> Self {
        let limits = Limits::read(|name| env.var(name).ok().map(|value| value.to_string()));
        let sleepers = Rc::default();
        let stores = Stores::of(&env, &state, &sleepers, limits.stall_ms);
        Self(Rc::new_cyclic(|me| Shelf {
            sql: BlobSql(ObjectSql(state.storage().sql())),
            limits,
            stores,
            sleepers,
            awake: Cell::new(false),
            written: RefCell::default(),
            busy: RefCell::default(),
            kept: RefCell::default(),
            transfers: Cell::new(0),
            erasing: Cell::new(false),
            erasures: Cell::new(0),
            left_until_ms: Cell::new(0),
            me: me.clone(),
            state,
            env,
        }))
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        match self.0.answer(request).await {
            Ok(response) => Ok(response),
            Err(Failure::Core(CoreError::Refused(refusal))) => refused(&refusal),
            Err(error) => {
                console_error!("files: {error}");
                Response::error("files unavailable", 500)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        // If an alarm fails, the runtime retries it six times and then drops it for good. So log the error and set another.
        if let Err(error) = self.0.clean().await {
            console_error!("files: {error}");
            self.0.state.storage().set_alarm(RETRY).await?;
        }
        Response::empty()
    }
}

/// A refusal of a stream: the edge makes its own answer of it.
fn refused(refusal: &Refusal) -> Result<Response> {
    Ok(Response::from_json(refusal)?.with_status(refusal.kind.status()))
}

impl Shelf {
    async fn answer(&self, mut request: Request) -> core::result::Result<Response, Failure> {
        if request.method() == Method::Post {
            let asked: FilesRequest = json::read(&request.bytes().await?)?;
            if !self.awake.get() && commands::is_fresh(&self.sql)? {
                // Looking leaves nothing behind.
                if let Some(reply) = commands::without_files(&asked.command, &self.limits, self.stores.place()) {
                    return Ok(Response::from_json(&reply)?);
                }
            }
            self.wake()?;
            return Ok(Response::from_json(&self.perform(asked).await?)?);
        }
        self.wake()?;
        let header = request.headers().get(ASK)?.unwrap_or_default();
        let no_ask = || Failure::Runtime(RuntimeError::RustError("a stream does not say what for".to_owned()));
        let ask: Ask = json::read(&URL_SAFE_NO_PAD.decode(header).map_err(|_| no_ask())?)?;
        let path = request.path();
        let file_id = path.trim_start_matches('/');
        match &ask.stream {
            Stream::Put { .. } | Stream::Patch { .. } => self.upload(&mut request, file_id, &ask).await,
            Stream::Get(conditions) => self.download(file_id, &ask.who, conditions).await,
            Stream::Head(conditions) => {
                self.settle(file_id, &ask).await?;
                self.head(file_id, &ask.who, conditions)
            }
        }
    }

    fn wake(&self) -> core::result::Result<(), Failure> {
        if !self.awake.get() {
            migrate(&self.sql, FILES)?;
            self.awake.set(true);
        }
        Ok(())
    }

    async fn perform(&self, asked: FilesRequest) -> core::result::Result<Reply, Failure> {
        if asked.command == Command::Erase {
            return self.erase().await.map(|()| Reply::Done);
        }
        if let Command::Keep(keep) = &asked.command {
            return match self.keep(&asked.user_id, keep).await {
                Err(Failure::Core(CoreError::Refused(refusal))) => Ok(Reply::Refused(refusal)),
                kept => kept.map(Reply::File),
            };
        }
        let place = self.stores.place();
        let user_id = asked.user_id.clone();
        let at_most = if let Command::Read { at_most, .. } = &asked.command { Some(*at_most) } else { None };
        let Performed { reply, changed } =
            commands::perform(&self.sql, &self.limits, place, asked, now_ms(), &mut WebCrypto)?;
        changed.iter().for_each(|file_id| self.tell(&user_id, file_id));
        self.arm().await?;
        match reply {
            Reply::Read { file, base64: None } if at_most.is_some_and(|at_most| file.bytes <= at_most) => {
                self.small(file).await
            }
            reply => Ok(reply),
        }
    }

    async fn keep(&self, user_id: &str, keep: &Keep) -> core::result::Result<File, Failure> {
        let _keeping = self.keeping(&keep.job_id).await?;
        let place = self.stores.place();
        let kept = commands::keep(&self.sql, &self.limits, place, keep, now_ms(), &mut WebCrypto)?;
        let file = match kept {
            Kept::Already(file) => *file,
            Kept::New(ended, new) => {
                let finished = self.finished(*ended, &new.file_id, new.blob).await;
                if finished.is_err() {
                    // Its job asks again, and would leave one more upload each time.
                    commands::not_kept(&self.sql, &new.file_id)?;
                    self.arm().await?;
                }
                let finished = finished?;
                self.tell(user_id, &new.file_id);
                finished.ok_or(CoreError::Broken("a result that came whole is not"))?
            }
        };
        self.arm().await?;
        Ok(file)
    }

    /// What an upload has become. Where its bytes are right but in pieces, they are put together first.
    async fn finished(&self, ended: Ended, file_id: &str, blob: i64) -> core::result::Result<Option<File>, Failure> {
        match ended {
            Ended::Open { .. } => Ok(None),
            Ended::Stored(file) => Ok(Some(*file)),
            Ended::Complete { sha256 } => {
                let store = self.stores.of_place(Place::R2)?;
                store.complete(&self.sql, blob).await?;
                let stored = stored(&self.sql, &self.limits, file_id, blob, &sha256, now_ms());
                if stored.is_err() && is_nobodys(&self.sql, blob) {
                    // Deleted meanwhile, perhaps with the account: no row tells of it any more.
                    if let Err(error) = store.erase(&Leftover { blob, multipart: None }).await {
                        console_error!("files: content {blob}, which is nobody's, stays in R2: {error}");
                    }
                }
                Ok(Some(stored?))
            }
        }
    }

    /// Tells the bus, which tells whoever has subscribed. Nobody waits for it.
    fn tell(&self, user_id: &str, file_id: &str) {
        let request = BusRequest {
            user_id: user_id.to_owned(),
            caller: None,
            session_id: None,
            trace: Trace::default(),
            command: BusCommand::FileChanged { file_id: file_id.to_owned() },
        };
        let Some(shelf) = self.me.upgrade() else { return };
        spawn_local(async move {
            let bus = shelf.env.durable_object("USER_BUS").and_then(|buses| buses.get_by_name(&request.user_id));
            let told = match bus {
                Ok(bus) => post("the bus", &bus, "https://bus/command", &request).await.map(|_| ()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = told {
                console_error!("files: {error}");
            }
        });
    }
}
