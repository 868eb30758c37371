//! Plain HTTP beside HTTPS: every request is redirected to the same path by HTTPS (contract §10).

use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::http::{Method, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// A server that only redirects. Without a public URL it uses the requested host and the port of HTTPS.
pub(super) fn server(address: SocketAddr, public_url: Option<String>, https_port: u16) -> io::Result<Server> {
    let listener = TcpListener::bind(address).map_err(|error| super::not_bound(address, &error))?;
    let server = HttpServer::new(move || {
        let public_url = public_url.clone();
        App::new().default_service(web::to(move |request: HttpRequest| {
            let answer = answer(&request, public_url.as_deref(), https_port);
            async move { answer }
        }))
    });
    Ok(server.workers(1).shutdown_timeout(1).disable_signals().listen(listener)?.run())
}

fn answer(request: &HttpRequest, public_url: Option<&str>, https_port: u16) -> HttpResponse {
    let origin = match public_url.filter(|url| url.starts_with("https://")) {
        // The path of the public URL, if it has one, is already in the request.
        Some(url) => url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"),
        None => match host(request) {
            Some(host) => format!("https://{host}{}", port(https_port)),
            None => {
                return HttpResponse::BadRequest().body("the request names no host to redirect to\n");
            }
        },
    };
    // 308 keeps the method. Old clients only know 301, which does the same for requests without a body.
    let mut redirect = match *request.method() {
        Method::GET | Method::HEAD => HttpResponse::MovedPermanently(),
        _ => HttpResponse::PermanentRedirect(),
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    redirect.insert_header((header::LOCATION, format!("{origin}{path}"))).finish()
}

/// The port as addresses write it: 443 is left out.
pub(super) fn port(port: u16) -> String {
    if port == 443 { String::new() } else { format!(":{port}") }
}

/// The requested host, without its port.
fn host(request: &HttpRequest) -> Option<String> {
    let asked = request.headers().get(header::HOST)?.to_str().ok()?;
    let authority: actix_web::http::uri::Authority = asked.parse().ok()?;
    Some(authority.host().to_owned()).filter(|host| !host.is_empty())
}
