//! The spans' way out: workers hand them over, one thread exports them over OTLP (protobuf over
//! HTTP). A worker never waits: what does not fit into the queue is dropped and counted.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace as otel;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};

/// Spans that wait for the exporter: some megabytes at most.
const QUEUE: usize = 4096;

/// Spans of one message.
const BATCH: usize = 512;

/// The longest that a span waits for others.
const HAND_ON: Duration = Duration::from_secs(1);

/// The longest that a collector may take, repetitions included.
const EXPORT: Duration = Duration::from_secs(5);

/// At the end of the process the exporter may take so long for what waits.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a span says beside its times: numbers, and texts of ours or of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// A request that was received.
    Server,
    /// A request that was made.
    Client,
}

/// One span.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its trace.
    pub trace: [u8; 16],
    /// Its id.
    pub id: [u8; 8],
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// Which side of a call it is.
    pub side: Side,
    /// Method and route.
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// What else there is to say.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed, if it did.
    pub failed: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The collector, `http://host:port`.
    target: Mutex<Option<String>>,
    /// Whether the target has changed.
    stale: AtomicBool,
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// One gateway's spans.
pub struct Spans {
    sender: Mutex<Option<SyncSender<Span>>>,
    shared: Arc<Shared>,
    /// Ends when the exporter does.
    exporter: Mutex<Receiver<()>>,
}

impl Spans {
    /// Starts the exporter, with nowhere to export to.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start() -> io::Result<Self> {
        let (sender, spans) = sync_channel(QUEUE);
        let (alive, exporter) = sync_channel(0);
        let shared = Arc::new(Shared::default());
        let of_exporter = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new()
            .name("spans".to_owned())
            .spawn(move || {
                export(&runtime, &spans, &of_exporter);
                drop(alive);
            })?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            shared,
            exporter: Mutex::new(exporter),
        })
    }

    /// Exports to this collector from now on, or nowhere.
    pub fn turn_to(&self, collector: Option<String>) {
        let mut target = lock(&self.shared.target);
        if *target != collector {
            *target = collector;
            self.shared.stale.store(true, Ordering::Release);
        }
    }

    /// Spans that a collector took.
    #[must_use]
    pub fn exported(&self) -> u64 {
        self.shared.exported.load(Ordering::Relaxed)
    }

    /// Spans that none did.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// One worker's end.
    #[must_use]
    pub fn outlet(&self) -> SpanOutlet {
        SpanOutlet {
            sender: lock(&self.sender).clone(),
            shared: self.shared.clone(),
        }
    }

    /// Ends the exporter once all outlets are gone, and waits for it as long as it is worth it.
    pub fn close(&self) {
        *lock(&self.sender) = None;
        // It sends nothing, ever: this only waits for its end.
        let _ = lock(&self.exporter).recv_timeout(LAST_WORDS);
    }
}

/// One thread's end.
pub struct SpanOutlet {
    sender: Option<SyncSender<Span>>,
    shared: Arc<Shared>,
}

impl SpanOutlet {
    /// Hands a span over, without waiting.
    pub fn send(&self, span: Span) {
        let sender = self.sender.as_ref();
        if sender.is_none_or(|sender| sender.try_send(span).is_err()) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exporter's thread.
fn export(runtime: &tokio::runtime::Runtime, spans: &Receiver<Span>, shared: &Shared) {
    let mut collector = None;
    let mut failing = false;
    while let Some(batch) = next(spans) {
        if shared.stale.swap(false, Ordering::AcqRel) {
            let target = lock(&shared.target).clone();
            collector = target.as_deref().and_then(connect);
            failing = false;
        }
        let count = batch.len() as u64;
        let sent = collector
            .as_ref()
            .map(|collector| runtime.block_on(collector.export(batch)));
        match sent {
            Some(Ok(())) => {
                shared.exported.fetch_add(count, Ordering::Relaxed);
                failing = false;
                continue;
            }
            Some(Err(error)) if !failing => {
                tracing::warn!(%error, "spans cannot be exported");
                failing = true;
            }
            Some(Err(_)) | None => {}
        }
        shared.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

/// Waits for spans and gathers what comes soon after the first; `None` once no more can come.
fn next(spans: &Receiver<Span>) -> Option<Vec<SpanData>> {
    let mut batch = vec![data(spans.recv().ok()?)];
    let due = Instant::now() + HAND_ON;
    while batch.len() < BATCH {
        match spans.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(data(span)),
            Err(_) => break,
        }
    }
    Some(batch)
}

fn connect(collector: &str) -> Option<opentelemetry_otlp::SpanExporter> {
    let built = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{collector}/v1/traces"))
        .with_timeout(EXPORT)
        .build();
    match built {
        Ok(mut exporter) => {
            let attributes = [
                KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ];
            let resource = Resource::builder_empty().with_attributes(attributes);
            exporter.set_resource(&resource.build());
            Some(exporter)
        }
        Err(error) => {
            tracing::error!(%error, "spans cannot be exported");
            None
        }
    }
}

/// In OpenTelemetry's words.
fn data(span: Span) -> SpanData {
    let attributes = span
        .attributes
        .into_iter()
        .map(|(name, value)| match value {
            Value::Text(text) => KeyValue::new(name, text),
            Value::Number(number) => KeyValue::new(name, number),
        });
    SpanData {
        span_context: otel::SpanContext::new(
            otel::TraceId::from_bytes(span.trace),
            otel::SpanId::from_bytes(span.id),
            otel::TraceFlags::SAMPLED,
            false,
            otel::TraceState::NONE,
        ),
        parent_span_id: span
            .parent
            .map_or(otel::SpanId::INVALID, otel::SpanId::from_bytes),
        parent_span_is_remote: span.side == Side::Server && span.parent.is_some(),
        span_kind: match span.side {
            Side::Server => otel::SpanKind::Server,
            Side::Client => otel::SpanKind::Client,
        },
        name: span.name.into(),
        start_time: span.start,
        end_time: span.end,
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.failed.map_or(otel::Status::Unset, otel::Status::error),
        instrumentation_scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME")).build(),
    }
}
