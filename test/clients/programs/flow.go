// The steps of test/support/clients/steps.ts with gorilla/websocket.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

type object = map[string]interface{}

var url, room = os.Getenv("CHANNELS_URL"), "talk/" + os.Getenv("CHANNELS_ROOM")

const text = "hällo 👋"

func done(step string) { fmt.Println("ok", step) }

// check compares by the JSON of both values.
func check(got, want interface{}) {
	var left, right interface{}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	json.Unmarshal(a, &left)
	json.Unmarshal(b, &right)
	if !reflect.DeepEqual(left, right) {
		panic(fmt.Sprintf("got %s, want %s", a, b))
	}
}

// at reads a member of nested objects: at(envelope, "payload", "id").
func at(value interface{}, path ...string) interface{} {
	for _, name := range path {
		value = value.(object)[name]
	}
	return value
}

type person struct {
	socket   *websocket.Conn
	queue    []object
	requests int
}

func dial(token string) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{EnableCompression: true}
	if token != "" {
		dialer.Subprotocols = []string{"fastify-channels.v1", "bearer." + token}
	}
	return dialer.Dial(url, nil)
}

func connect(token string) *person {
	socket, _, err := dial(token)
	if err != nil {
		panic(err)
	}
	socket.SetReadDeadline(time.Now().Add(time.Minute))
	return &person{socket: socket}
}

func (p *person) take(matches func(object) bool) object {
	for i, envelope := range p.queue {
		if matches(envelope) {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			return envelope
		}
	}
	for {
		var envelope object
		if err := p.socket.ReadJSON(&envelope); err != nil {
			panic(err)
		}
		if matches(envelope) {
			return envelope
		}
		p.queue = append(p.queue, envelope)
	}
}

func (p *person) next(kind string) object {
	envelope := p.take(func(envelope object) bool {
		return envelope["correlationId"] == nil && envelope["type"] != "welcome"
	})
	check([]interface{}{envelope["type"], envelope["channel"]}, []string{kind, room})
	return envelope
}

func (p *person) send(kind, channel string, payload interface{}, id string) string {
	if id == "" {
		p.requests++
		id = fmt.Sprintf("%s-%d-%d", room, time.Now().UnixNano(), p.requests)
	}
	envelope := object{"type": kind, "correlationId": id}
	if channel != "" {
		envelope["channel"] = channel
	}
	if payload != nil {
		envelope["payload"] = payload
	}
	if err := p.socket.WriteJSON(envelope); err != nil {
		panic(err)
	}
	return id
}

func (p *person) reply(kind, channel string, payload interface{}, id string) object {
	id = p.send(kind, channel, payload, id)
	return p.take(func(envelope object) bool { return envelope["correlationId"] == id })
}

func (p *person) request(kind, channel string, payload interface{}) object {
	reply := p.reply(kind, channel, payload, "")
	check(reply["type"], "ack")
	return reply
}

func (p *person) fails(code, kind, channel string, payload interface{}, id string) interface{} {
	reply := p.reply(kind, channel, payload, id)
	check(at(reply, "payload", "code"), code)
	if channel != "" {
		check(reply["channel"], channel)
	}
	return at(reply, "payload", "details")
}

func (p *person) closed() int {
	for {
		if _, _, err := p.socket.ReadMessage(); err != nil {
			closing, ok := err.(*websocket.CloseError)
			if !ok {
				panic(err)
			}
			return closing.Code
		}
	}
}

func users(entries interface{}) map[string]bool {
	found := map[string]bool{}
	for _, entry := range entries.([]interface{}) {
		found[at(entry, "user").(string)] = true
	}
	return found
}

func main() {
	ann, annAgain, bob, carol := os.Getenv("ANN"), os.Getenv("ANN_AGAIN"), os.Getenv("BOB"), os.Getenv("CAROL")
	_, response, err := dial("")
	if err == nil || response.StatusCode != 401 {
		panic("an upgrade without a token was not answered 401")
	}
	done("refused")

	a := connect(ann)
	check(a.socket.Subprotocol(), "fastify-channels.v1")
	done("connected")
	check(a.request("ping", "", nil)["payload"], nil)
	done("ping")

	joined := a.request("join", room, nil)["payload"].(object)
	for name, want := range (object{
		"presence": []object{{"user": "id-of-ann", "data": object{"name": "ann"}}}, "idempotent": []string{"message.send"},
		"offset": 0, "recovered": false, "reason": "fresh", "messages": []string{},
	}) {
		check(joined[name], want)
	}
	done("joined")

	b := connect(bob)
	both := users(at(b.request("join", room, nil), "payload", "presence"))
	check(both, map[string]bool{"id-of-ann": true, "id-of-bob": true})
	check(users(at(a.next("presence"), "payload", "joined")), map[string]bool{"id-of-bob": true})
	done("presence")

	sent := a.reply("message.send", room, object{"text": text}, "first-of-"+room)
	first := a.next("message.posted")
	check(b.next("message.posted"), first)
	check(first["payload"], object{"id": at(sent, "payload", "id"), "from": "ann", "text": text})
	check([]interface{}{first["offset"], sent["offset"], first["prev"]}, []interface{}{1, 1, ""})
	done("sent")
	check(a.reply("message.send", room, object{"text": text}, "first-of-"+room), sent)
	done("repeated")
	a.fails("conflict", "message.send", room, object{"text": "other"}, "first-of-"+room)
	done("conflict")

	a.request("typing", room, object{"active": true})
	typing := b.next("typing.changed")
	check(typing["payload"], object{"user": "ann", "active": true})
	check(typing["offset"], nil)
	done("typing")

	check(at(a.fails("invalid_payload", "message.send", room, object{"text": 7}, ""), "path"), "/text")
	a.fails("unknown_type", "nonsense", room, nil, "")
	a.fails("unknown_channel", "join", "nowhere/1", nil, "")
	a.fails("forbidden", "join", "talk/secret", nil, "")
	a.fails("already_joined", "join", room, nil, "")
	a.fails("not_joined", "typing", "talk/other", object{"active": true}, "")
	check(a.fails("muted", "message.send", room, object{"text": "mute me"}, ""), object{"until": 7})
	done("errors")

	long := strings.Repeat("x", 60_000)
	a.request("message.send", room, object{"text": long})
	large := a.next("message.posted")
	check([]interface{}{at(large, "payload", "text"), large["offset"], large["prev"]}, []interface{}{long, 2, first["hash"]})
	check(b.next("message.posted"), large)
	done("large")
	a.request("ask.pong", room, nil)
	done("pong")

	check(a.request("refresh", "", object{"token": annAgain})["payload"], nil)
	a.fails("invalid_token", "refresh", "", object{"token": bob}, "")
	done("refreshed")
	a.request("leave", room, nil)
	check(at(b.next("presence"), "payload", "left"), []string{"id-of-ann"})
	done("left")

	before := connect(ann)
	since := object{}
	for _, name := range []string{"epoch", "offset", "hash"} {
		since[name] = nil
	}
	ack := before.request("join", room, nil)
	for name := range since {
		since[name] = at(ack, "payload", name)
	}
	before.socket.UnderlyingConn().Close()
	b.next("presence")
	missed := []object{}
	for _, text := range []string{"three", "four"} {
		b.request("message.send", room, object{"text": text})
		missed = append(missed, b.next("message.posted"))
	}
	check([]interface{}{missed[0]["prev"], missed[1]["prev"]}, []interface{}{large["hash"], missed[0]["hash"]})
	after := connect(ann)
	recovery := after.request("join", room, object{"since": since})
	check([]interface{}{at(recovery, "payload", "recovered"), at(recovery, "payload", "messages")}, []interface{}{true, missed})
	done("recovered")

	after.request("leave", room, nil)
	since["epoch"] = "another"
	fresh := after.request("join", room, object{"since": since})["payload"].(object)
	messages := len(fresh["messages"].([]interface{}))
	check([]interface{}{fresh["recovered"], fresh["reason"], messages}, []interface{}{false, "epoch", 4})
	done("unrecoverable")

	c := connect(ann)
	c.request("join", room, nil)
	c.request("ask.remove", room, nil)
	check(c.next("left")["payload"], object{"code": "removed"})
	done("removed")

	c = connect(ann)
	c.socket.WriteMessage(websocket.BinaryMessage, []byte("x"))
	check(c.closed(), 1003)
	done("binary")
	c = connect(ann)
	c.socket.WriteMessage(websocket.TextMessage, []byte("{"))
	check(c.closed(), 1008)
	done("garbage")
	c = connect(ann)
	c.socket.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 70_000)))
	check(c.closed(), 1009)
	done("too-large")

	c = connect(carol)
	c.request("join", room, nil)
	c.send("ask.revoke", room, nil, "")
	check(c.closed(), 3000)
	done("revoked")
	c = connect(bob)
	c.request("join", room, nil)
	c.send("ask.disconnect", room, nil, "")
	check(c.closed(), 3003)
	done("disconnected")

	b.socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "done"))
	check(b.closed(), 1000)
	done("closed")
}
