// The steps of test/support/clients/steps.ts with java.net.http and Gson.
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

public class Flow {
    static final HttpClient http = HttpClient.newHttpClient();
    static final URI url = URI.create(System.getenv("CHANNELS_URL"));
    static final String room = "talk/" + System.getenv("CHANNELS_ROOM");
    static final String text = "h\u00e4llo \ud83d\udc4b";

    static void done(String step) {
        System.out.println("ok " + step);
    }

    static void check(Object got, Object want) {
        if (!String.valueOf(got).equals(String.valueOf(want))) throw new AssertionError("got " + got + ", want " + want);
    }

    /** Reads JSON with single quotes, for short literals. */
    static JsonObject json(String source) {
        return JsonParser.parseString(source.replace('\'', '"')).getAsJsonObject();
    }

    static JsonObject textOf(String text) {
        JsonObject payload = new JsonObject();
        payload.addProperty("text", text);
        return payload;
    }

    static JsonElement at(JsonElement value, String... path) {
        for (String name : path) value = value == null ? null : value.getAsJsonObject().get(name);
        return value;
    }

    static String users(JsonElement entries) {
        TreeSet<String> users = new TreeSet<>();
        for (JsonElement entry : entries.getAsJsonArray()) users.add(at(entry, "user").getAsString());
        return users.toString();
    }

    /** One connection: what arrived, and the code of its close as the last thing that arrives. */
    static class Person implements WebSocket.Listener {
        final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
        final List<JsonObject> waiting = new ArrayList<>();
        final StringBuilder parts = new StringBuilder();
        WebSocket socket;

        static Person connect(String token) {
            Person person = new Person();
            WebSocket.Builder builder = http.newWebSocketBuilder();
            if (token != null) builder.subprotocols("fastify-channels.v1", "bearer." + token);
            person.socket = builder.buildAsync(url, person).join();
            return person;
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            parts.append(data);
            if (last) {
                arrived.add(JsonParser.parseString(parts.toString()).getAsJsonObject());
                parts.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            arrived.add(code);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            arrived.add(error);
        }

        Object arrival() {
            try {
                Object next = arrived.poll(60, TimeUnit.SECONDS);
                if (next == null) throw new AssertionError("nothing arrived within 60 s");
                return next;
            } catch (InterruptedException error) {
                throw new AssertionError(error);
            }
        }

        JsonObject take(Predicate<JsonObject> matches) {
            for (Iterator<JsonObject> all = waiting.iterator(); all.hasNext();) {
                JsonObject envelope = all.next();
                if (!matches.test(envelope)) continue;
                all.remove();
                return envelope;
            }
            while (true) {
                Object next = arrival();
                if (!(next instanceof JsonObject)) throw new AssertionError("the connection ended: " + next);
                if (matches.test((JsonObject) next)) return (JsonObject) next;
                waiting.add((JsonObject) next);
            }
        }

        JsonObject next(String type) {
            JsonObject envelope = take(one ->
                !one.has("correlationId") && !at(one, "type").getAsString().equals("welcome"));
            check(at(envelope, "type").getAsString() + " " + at(envelope, "channel").getAsString(), type + " " + room);
            return envelope;
        }

        String post(String type, String channel, JsonObject payload, String id) {
            JsonObject envelope = new JsonObject();
            envelope.addProperty("type", type);
            envelope.addProperty("correlationId", id);
            if (channel != null) envelope.addProperty("channel", channel);
            if (payload != null) envelope.add("payload", payload);
            socket.sendText(envelope.toString(), true).join();
            return id;
        }

        JsonObject reply(String type, String channel, JsonObject payload, String id) {
            post(type, channel, payload, id);
            return take(one -> one.has("correlationId") && one.get("correlationId").getAsString().equals(id));
        }

        JsonObject request(String type, String channel, JsonObject payload) {
            JsonObject reply = reply(type, channel, payload, UUID.randomUUID().toString());
            check(at(reply, "type").getAsString(), "ack");
            return reply;
        }

        JsonElement fails(String code, String type, String channel, JsonObject payload, String id) {
            JsonObject reply = reply(type, channel, payload, id);
            check(at(reply, "payload", "code").getAsString(), code);
            check(at(reply, "channel"), channel == null ? null : '"' + channel + '"');
            return at(reply, "payload", "details");
        }

        JsonElement fails(String code, String type, String channel, JsonObject payload) {
            return fails(code, type, channel, payload, UUID.randomUUID().toString());
        }

        Object closed() {
            Object next;
            do next = arrival(); while (next instanceof JsonObject);
            return next;
        }
    }

    public static void main(String[] args) {
        String ann = System.getenv("ANN"), bob = System.getenv("BOB"), carol = System.getenv("CAROL");
        try {
            Person.connect(null);
            throw new AssertionError("an upgrade without a token was not refused");
        } catch (CompletionException error) {
            check(((WebSocketHandshakeException) error.getCause()).getResponse().statusCode(), 401);
        }
        done("refused");

        Person a = Person.connect(ann);
        check(a.socket.getSubprotocol(), "fastify-channels.v1");
        done("connected");
        check(a.request("ping", null, null).has("payload"), false);
        done("ping");

        JsonObject joined = a.request("join", room, null).getAsJsonObject("payload");
        check(joined.remove("epoch").getAsString().isEmpty(), false);
        joined.remove("hash");
        check(joined.get("presence"), "[{\"user\":\"id-of-ann\",\"data\":{\"name\":\"ann\"}}]");
        check(joined.get("idempotent"), "[\"message.send\"]");
        check(List.of(joined.get("offset"), joined.get("recovered"), joined.get("reason"), joined.get("messages")),
            "[0, false, \"fresh\", []]");
        done("joined");

        Person b = Person.connect(bob);
        check(users(at(b.request("join", room, null), "payload", "presence")), "[id-of-ann, id-of-bob]");
        check(users(at(a.next("presence"), "payload", "joined")), "[id-of-bob]");
        done("presence");

        JsonObject sent = a.reply("message.send", room, textOf(text), "first-of-" + room);
        JsonObject first = a.next("message.posted");
        check(b.next("message.posted"), first);
        check(at(first, "payload", "id"), at(sent, "payload", "id"));
        check(at(first, "payload", "from").getAsString() + at(first, "payload", "text").getAsString(), "ann" + text);
        check(List.of(at(first, "offset"), at(sent, "offset"), at(first, "prev")), "[1, 1, \"\"]");
        done("sent");
        check(a.reply("message.send", room, textOf(text), "first-of-" + room), sent);
        done("repeated");
        a.fails("conflict", "message.send", room, textOf("other"), "first-of-" + room);
        done("conflict");

        a.request("typing", room, json("{'active': true}"));
        JsonObject typing = b.next("typing.changed");
        check(typing.get("payload"), "{\"user\":\"ann\",\"active\":true}");
        check(typing.has("offset"), false);
        done("typing");

        check(at(a.fails("invalid_payload", "message.send", room, json("{'text': 7}")), "path"), "\"/text\"");
        a.fails("unknown_type", "nonsense", room, null);
        a.fails("unknown_channel", "join", "nowhere/1", null);
        a.fails("forbidden", "join", "talk/secret", null);
        a.fails("already_joined", "join", room, null);
        a.fails("not_joined", "typing", "talk/other", json("{'active': true}"));
        check(a.fails("muted", "message.send", room, textOf("mute me")), "{\"until\":7}");
        done("errors");

        String large = "x".repeat(60_000);
        a.request("message.send", room, textOf(large));
        JsonObject second = a.next("message.posted");
        check(at(second, "payload", "text").getAsString(), large);
        check(List.of(second.get("offset"), second.get("prev")), List.of(2, first.get("hash")));
        check(b.next("message.posted"), second);
        done("large");
        a.request("ask.pong", room, null);
        done("pong");

        check(a.request("refresh", null, json("{'token': '" + System.getenv("ANN_AGAIN") + "'}")).has("payload"), false);
        a.fails("invalid_token", "refresh", null, json("{'token': '" + bob + "'}"));
        done("refreshed");
        a.request("leave", room, null);
        check(at(b.next("presence"), "payload", "left"), "[\"id-of-ann\"]");
        done("left");

        Person before = Person.connect(ann);
        JsonObject ack = before.request("join", room, null).getAsJsonObject("payload");
        JsonObject since = new JsonObject();
        for (String name : List.of("epoch", "offset", "hash")) since.add(name, ack.get(name));
        before.socket.abort();
        b.next("presence");
        JsonArray missed = new JsonArray();
        for (String text : List.of("three", "four")) {
            b.request("message.send", room, textOf(text));
            missed.add(b.next("message.posted"));
        }
        check(at(missed.get(0), "prev"), second.get("hash"));
        check(at(missed.get(1), "prev"), at(missed.get(0), "hash"));
        JsonObject position = new JsonObject();
        position.add("since", since);
        Person after = Person.connect(ann);
        JsonObject recovery = after.request("join", room, position).getAsJsonObject("payload");
        check(List.of(recovery.get("recovered"), recovery.get("messages")), List.of(true, missed));
        done("recovered");

        after.request("leave", room, null);
        since.addProperty("epoch", "another");
        JsonObject fresh = after.request("join", room, position).getAsJsonObject("payload");
        check(List.of(fresh.get("recovered"), fresh.get("reason"), fresh.getAsJsonArray("messages").size()),
            "[false, \"epoch\", 4]");
        done("unrecoverable");

        Person c = Person.connect(ann);
        c.request("join", room, null);
        c.request("ask.remove", room, null);
        check(at(c.next("left"), "payload"), "{\"code\":\"removed\"}");
        done("removed");

        c = Person.connect(ann);
        c.socket.sendBinary(ByteBuffer.wrap(new byte[1]), true).join();
        check(c.closed(), 1003);
        done("binary");
        c = Person.connect(ann);
        c.socket.sendText("{", true).join();
        check(c.closed(), 1008);
        done("garbage");
        c = Person.connect(ann);
        c.socket.sendText("x".repeat(70_000), true);
        check(c.closed(), 1009);
        done("too-large");

        c = Person.connect(carol);
        c.request("join", room, null);
        c.post("ask.revoke", room, null, "revoke");
        check(c.closed(), 3000);
        done("revoked");
        c = Person.connect(bob);
        c.request("join", room, null);
        c.post("ask.disconnect", room, null, "disconnect");
        check(c.closed(), 3003);
        done("disconnected");

        b.socket.sendClose(1000, "done").join();
        check(b.closed(), 1000);
        done("closed");
        System.exit(0);
    }
}
