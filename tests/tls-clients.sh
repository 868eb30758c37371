#!/bin/sh
# Clients in Java and Go poll a report by HTTPS: one connection for several requests, the whole body, the certificate checked.
# curl, Python and rustls do so in every run of the tests. Takes a JDK and Go from Debian.
set -eu
cd "$(dirname "$0")/.."

command -v javac >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends default-jdk-headless >/dev/null
command -v go >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends golang-go >/dev/null
pitlane=${PITLANE:-target/release/pitlane}
[ -x "$pitlane" ] || cargo build --locked --release --quiet

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
"$pitlane" --data-dir "$work/data" demo --listen 127.0.0.1:0 --backup-at off --tls-cert "$work/cert.pem" \
    --tls-key "$work/key.pem" >"$work/said" 2>"$work/log" &
server=$!
until grep -q '^listening on ' "$work/said"; do
    kill -0 "$server"
    sleep 0.1
done
token=$(sed -n 's/^token: //p' "$work/said")
url="$(sed -n 's/^listening on //p' "$work/said")/api/v1/integrations/cost-report/singular/csv?date_from=2000-01-01&date_to=2100-01-01"
curl -sf --cacert "$work/cert.pem" -H "Authorization: ApiToken $token" "$url" >"$work/expected"
rows=$(wc -l <"$work/expected")
[ "$rows" -gt 100 ]

cat >"$work/Poll.java" <<'JAVA'
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Poll {
    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream pem = new FileInputStream(args[0])) {
            store.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        HttpClient client = HttpClient.newBuilder().sslContext(context).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create(args[1])).header("Authorization", "ApiToken " + args[2]).build();
        for (int i = 0; i < 20; i++) {
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) throw new Exception("status " + answer.statusCode());
            Files.writeString(Path.of(args[3]), answer.body());
        }
        System.out.println("Java " + System.getProperty("java.version") + ", " + client.send(request, HttpResponse.BodyHandlers.discarding()).version());
    }
}
JAVA
javac -d "$work" "$work/Poll.java"
java -cp "$work" Poll "$work/cert.pem" "$url" "$token" "$work/java"
cmp "$work/java" "$work/expected"

mkdir "$work/poll"
cat >"$work/poll/main.go" <<'GO'
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	pem, err := os.ReadFile(os.Args[1])
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for i := 0; i < 20; i++ {
		request, err := http.NewRequest("GET", os.Args[2], nil)
		must(err)
		request.Header.Set("Authorization", "ApiToken "+os.Args[3])
		answer, err := client.Do(request)
		must(err)
		body, err := io.ReadAll(answer.Body)
		must(err)
		answer.Body.Close()
		must(os.WriteFile(os.Args[4], body, 0o600))
		if i == 19 {
			fmt.Println("Go", runtime.Version(), answer.Proto, answer.StatusCode)
		}
	}
}
GO
(cd "$work/poll" && GO111MODULE=off GOFLAGS= go run main.go "$work/cert.pem" "$url" "$token" "$work/go")
cmp "$work/go" "$work/expected"
echo "both got all $rows lines"
