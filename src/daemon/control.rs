//! The control socket: who may ask, one JSON object a line, bounded in size,
//! time and number. What is asked goes to the loop; what it answers comes back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::protocol::{MAX_REQUEST, Refusal, Request};
use crate::diag::{Lang, Message};
use crate::store::revisions::Who;
use crate::sys::socket;

/// Connections served at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 32;
/// A request must be whole this long after the answer before it.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// An answer must be taken within this.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// A request on its way to the loop.
#[derive(Debug)]
pub struct Call {
    /// What.
    pub request: Request,
    /// By whom.
    pub peer: Who,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Value>,
}

/// Serves connections until the receiver of the calls is gone.
pub async fn serve(listener: UnixListener, calls: mpsc::UnboundedSender<Call>, lang: Lang) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while !calls.is_closed() {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let calls = calls.clone();
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = converse(stream, &calls, lang).await {
                        tracing::debug!(%error, "control connection");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors: some must come back first.
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// One connection: requests one after the other until its end.
async fn converse(stream: UnixStream, calls: &mpsc::UnboundedSender<Call>, lang: Lang) -> io::Result<()> {
    let peer = peer(&stream)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = timeout(REQUEST_TIME, read_line(&mut read)).await??;
        let (answer, last) = match line {
            Line::End => return Ok(()),
            Line::TooLong => {
                let message = Message::new("daemon-request-too-long").with("limit", MAX_REQUEST.to_string());
                (Refusal::new("bad-request", message).to_answer(lang), true)
            }
            Line::Whole(line) => match Request::parse(&line) {
                Err(refusal) => (refusal.to_answer(lang), false),
                Ok(request) => (ask(request, peer.clone(), calls, lang).await, false),
            },
        };
        let mut text = answer.to_string();
        text.push('\n');
        timeout(ANSWER_TIME, write.write_all(text.as_bytes())).await??;
        if last {
            return Ok(());
        }
    }
}

async fn ask(request: Request, peer: Who, calls: &mpsc::UnboundedSender<Call>, lang: Lang) -> Value {
    let lang = request.lang().unwrap_or(lang);
    let (answer, answered) = oneshot::channel();
    let sent = calls.send(Call { request, peer, answer });
    match (sent, answered.await) {
        (Ok(()), Ok(answer)) => answer,
        // The loop has ended.
        _ => Refusal::new("stopping", Message::new("daemon-stopping")).to_answer(lang),
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

async fn read_line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Line> {
    let mut line = Vec::new();
    // One byte more than allowed tells the two apart.
    read.take(MAX_REQUEST as u64 + 1).read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(Line::Whole(line)),
        _ if line.len() >= MAX_REQUEST => Ok(Line::TooLong),
        _ => Ok(Line::End),
    }
}

fn peer(stream: &UnixStream) -> io::Result<Who> {
    let cred = stream.peer_cred()?;
    Ok(Who::Peer { uid: cred.uid(), gid: cred.gid(), pid: cred.pid(), user: socket::user_name(cred.uid()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::client::{CallError, call};
    use serde_json::json;
    use std::io::{Read as _, Write as _};
    use std::path::Path;

    /// Serves `run`, answering every call with its request and peer.
    async fn served<T: Send + 'static>(run: &Path, asking: impl FnOnce() -> T + Send + 'static) -> T {
        let listener = socket::listen(run, crate::daemon::protocol::SOCKET).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (calls, mut called) = mpsc::unbounded_channel::<Call>();
        tokio::spawn(serve(UnixListener::from_std(listener).unwrap(), calls, Lang::En));
        tokio::spawn(async move {
            while let Some(call) = called.recv().await {
                let answer = json!({ "ok": true, "request": call.request, "peer": call.peer });
                let _ = call.answer.send(answer);
            }
        });
        tokio::task::spawn_blocking(asking).await.unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_arrives_with_its_peer() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().to_owned();
        let answer = served(dir.path(), move || call(&run, &Request::Reload { lang: None })).await.unwrap();
        assert_eq!(answer["request"], json!({ "cmd": "reload" }));
        assert_eq!(answer["peer"]["uid"], json!(rustix::process::getuid().as_raw()));
        assert_eq!(answer["peer"]["pid"], json!(std::process::id()));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_connection_serves_many_lines_and_bad_ones_are_answered() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().to_owned();
        let text = served(dir.path(), move || {
            let mut stream = socket::connect(&run, crate::daemon::protocol::SOCKET).unwrap();
            stream.write_all(b"{\"cmd\":\"isolate\"}\n{\"cmd\":\"status\"}\nnonsense\n").unwrap();
            stream.write_all(&vec![b'x'; MAX_REQUEST + 1]).unwrap();
            let mut text = String::new();
            // The end: after a line too long nothing more is read.
            let _ = stream.read_to_string(&mut text);
            text
        });
        let text = text.await;
        let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let codes: Vec<_> = answers.iter().map(|a| a["error"]["code"].as_str().unwrap_or("ok")).collect();
        assert_eq!(codes, ["unknown-command", "ok", "bad-request", "bad-request"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_refusal_reaches_the_caller_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let listener = socket::listen(dir.path(), crate::daemon::protocol::SOCKET).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (calls, called) = mpsc::unbounded_channel::<Call>();
        tokio::spawn(serve(UnixListener::from_std(listener).unwrap(), calls, Lang::En));
        let run = dir.path().to_owned();
        // Taken, but never answered: the loop ends.
        tokio::spawn(async move {
            let mut called = called;
            drop(called.recv().await);
        });
        let error = tokio::task::spawn_blocking(move || call(&run, &Request::Status { lang: Some("ja".into()) }));
        let error = error.await.unwrap().unwrap_err();
        let CallError::Refused { code, message, .. } = error else { panic!("{error:?}") };
        assert!(code == "stopping" && message == Message::new("daemon-stopping").text(Lang::Ja));
    }
}
