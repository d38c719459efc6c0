import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Posts bodies with Java's own clients, and says how often the expected answer came whole.
 *
 * <p>usage: java Client.java CLIENT CA ROUNDS CASES. CLIENT is http1 or http2 (java.net.http) or
 * url-connection (HttpURLConnection), each with its own pool of connections. CASES is a file of
 * lines "STATUS SIZE REGION URL"; REGION is sent as O-Region. Says for each case "RECEIVED STATUS SIZE
 * REGION URL" and the first problem.
 */
final class Client {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    public static void main(String[] arguments) throws Exception {
        String name = arguments[0];
        SSLContext trust = trust(Path.of(arguments[1]));
        int rounds = Integer.parseInt(arguments[2]);
        HttpsURLConnection.setDefaultSSLSocketFactory(trust.getSocketFactory());
        HttpURLConnection.setFollowRedirects(false);
        HttpClient client = HttpClient.newBuilder()
                .sslContext(trust)
                .version(name.equals("http2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
                .build();
        for (String line : Files.readAllLines(Path.of(arguments[3]))) {
            String[] words = line.split(" ");
            int status = Integer.parseInt(words[0]);
            byte[] body = new byte[Integer.parseInt(words[1])];
            Arrays.fill(body, (byte) 'x');
            URI uri = URI.create(words[3]);
            int received = 0;
            String problem = "";
            for (int number = 0; number < rounds; number++) {
                String wrong;
                try {
                    int got = name.equals("url-connection")
                            ? old(uri, words[2], body)
                            : modern(client, uri, words[2], body);
                    if (got == status) {
                        received++;
                        continue;
                    }
                    wrong = "status " + got;
                } catch (IOException error) {
                    wrong = error.toString().replace('\n', ' ');
                }
                if (problem.isEmpty()) {
                    problem = "request " + number + ": " + wrong;
                }
            }
            System.out.println(received + " " + line + " " + problem);
        }
        System.exit(0);
    }

    private static int modern(HttpClient client, URI uri, String region, byte[] body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(uri)
                .timeout(PATIENCE)
                .header("O-Region", region)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofByteArray()).statusCode();
    }

    private static int old(URI uri, String region, byte[] body) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setConnectTimeout((int) PATIENCE.toMillis());
        connection.setReadTimeout((int) PATIENCE.toMillis());
        connection.setRequestMethod("POST");
        connection.setRequestProperty("O-Region", region);
        connection.setDoOutput(true);
        connection.getOutputStream().write(body);
        int status = connection.getResponseCode();
        InputStream answer = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        if (answer != null) {
            answer.readAllBytes();
            answer.close();
        }
        return status;
    }

    private static SSLContext trust(Path authority) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(authority)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}
