//! Sends a recording as it comes from the disk, whole or the part that a player asks for (RFC 9110 §14).
//!
//! Never more than a few pieces of it are in memory, however long it is and however slowly it is fetched.

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_RANGE;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RANGE;
use axum::response::IntoResponse;
use axum::response::Response;
use tower_http::services::ServeFile;

use crate::api::problem::problem;
use crate::media::recording::Format;

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// What the request's `Range` and `If-Modified-Since` want of this file.
pub(super) async fn send(file: &Path, mut request: Request) -> io::Result<Response> {
    // RFC 9110 §14.2: a unit that is not known is passed over.
    if request.headers().get(RANGE).is_some_and(|range| !range.as_bytes().starts_with(b"bytes=")) {
        request.headers_mut().remove(RANGE);
    }
    let mut serving = ServeFile::new(file).with_buf_chunk_size(PIECE);
    let mut response = serving.try_call(request).await?.map(Body::new);
    match response.status() {
        StatusCode::NOT_FOUND => return Err(io::ErrorKind::NotFound.into()),
        StatusCode::RANGE_NOT_SATISFIABLE => return Ok(beyond_the_end(&response)),
        _ => {}
    }
    if response.headers().contains_key(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Format::of(file).media_type()));
    }
    Ok(response)
}

fn beyond_the_end(response: &Response) -> Response {
    let length = response.headers().get(CONTENT_RANGE).cloned();
    let all = length.as_ref().and_then(|range| range.to_str().ok()).unwrap_or("one range of bytes").to_owned();
    let refusal = problem(
        416,
        "range-not-satisfiable",
        "The range is not there",
        "`Range` asks for what this file does not hold, or for several parts at once.",
        format!("Ask for one range, such as `bytes=0-65535`; the whole is `{all}`."),
    );
    let mut response = refusal.into_response();
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_RANGE, length);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::body::to_bytes;

    use super::*;
    use crate::api::bench::Folder;
    use crate::api::bench::block_on;

    #[test]
    fn a_player_gets_the_part_that_it_asks_for_and_a_long_file_comes_whole() {
        let folder = Folder::new();
        let file = folder.path().join("long.wav");
        let audio: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        fs::write(&file, &audio).unwrap();
        block_on(async {
            let fetched = async |range: Option<&str>| {
                let asked = Request::get("/").header("range", range.unwrap_or_default());
                let asked = if range.is_some() { asked } else { Request::get("/") };
                let response = send(&file, asked.body(Body::empty()).unwrap()).await.unwrap();
                let (head, body) = response.into_parts();
                let header = |name: &str| head.headers.get(name).map(|it| it.to_str().unwrap().to_owned());
                let said = (head.status.as_u16(), header("content-type"), header("content-range"));
                (said, to_bytes(body, usize::MAX).await.unwrap())
            };
            let wav = || Some("audio/wav".to_owned());
            let (said, body) = fetched(None).await;
            assert_eq!((said, body.as_ref()), ((200, wav(), None), audio.as_slice()));
            let (said, body) = fetched(Some("bytes=100000-299998")).await;
            assert_eq!(said, (206, wav(), Some("bytes 100000-299998/300000".to_owned())));
            assert_eq!(body.as_ref(), &audio[100_000..299_999]);
            let (said, body) = fetched(Some("bytes=-10")).await;
            assert_eq!((said.0, body.as_ref()), (206, &audio[299_990..]));
            assert_eq!(fetched(Some("pages=1-2")).await.0.0, 200);
            for wrong in ["bytes=300000-", "bytes=0-1,5-6"] {
                let (said, body) = fetched(Some(wrong)).await;
                assert_eq!((said.0, said.2.as_deref()), (416, Some("bytes */300000")), "{wrong}");
                assert!(String::from_utf8_lossy(&body).contains("range-not-satisfiable"), "{wrong}");
            }
            let gone = send(&folder.path().join("gone.wav"), Request::new(Body::empty())).await;
            assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
        });
    }
}
