<?php
// The steps of test/support/clients/steps.ts over a plain TCP socket: RFC 6455 from the client's side in a hundred lines.
declare(strict_types=1);

$url = parse_url(getenv('CHANNELS_URL'));
$room = 'talk/' . getenv('CHANNELS_ROOM');
$text = 'hällo 👋';

function done(string $step): void
{
    echo "ok $step\n";
}

function check(mixed $got, mixed $want): void
{
    if ($got != $want) {
        throw new Exception('got ' . json_encode($got) . ', want ' . json_encode($want));
    }
}

/** One connection. Envelopes that nobody asked for yet wait in `$queue`. */
class Person
{
    public int $status;
    public string $protocol = '';
    public array $queue = [];
    private $socket;

    public function __construct(?string $token)
    {
        global $url;
        $this->socket = stream_socket_client("tcp://{$url['host']}:{$url['port']}", $number, $message, 60);
        stream_set_timeout($this->socket, 60);
        $key = base64_encode(random_bytes(16));
        $lines = [
            "GET {$url['path']} HTTP/1.1", "Host: {$url['host']}:{$url['port']}", 'Upgrade: websocket',
            'Connection: Upgrade', 'Sec-WebSocket-Version: 13', "Sec-WebSocket-Key: $key"
        ];
        if ($token !== null) {
            $lines[] = "Sec-WebSocket-Protocol: fastify-channels.v1, bearer.$token";
        }
        fwrite($this->socket, implode("\r\n", $lines) . "\r\n\r\n");
        $this->status = (int) explode(' ', fgets($this->socket))[1];
        $headers = [];
        while (($line = trim(fgets($this->socket))) !== '') {
            [$name, $value] = explode(': ', $line, 2);
            $headers[strtolower($name)] = $value;
        }
        if ($this->status === 101) {
            $accept = base64_encode(sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11', true));
            check($headers['sec-websocket-accept'], $accept);
            $this->protocol = $headers['sec-websocket-protocol'];
        }
    }

    public function write(int $opcode, string $payload): void
    {
        $length = strlen($payload);
        $size = match (true) {
            $length < 126 => chr(0x80 | $length),
            $length < 65536 => chr(0x80 | 126) . pack('n', $length),
            default => chr(0x80 | 127) . pack('J', $length)
        };
        $mask = random_bytes(4);
        $masked = $payload ^ substr(str_repeat($mask, intdiv($length, 4) + 1), 0, $length);
        fwrite($this->socket, chr(0x80 | $opcode) . $size . $mask . $masked);
    }

    private function bytes(int $count): string
    {
        $read = '';
        while (strlen($read) < $count) {
            $chunk = fread($this->socket, $count - strlen($read));
            if ($chunk === '' || $chunk === false) {
                throw new Exception('the connection ended without a close frame');
            }
            $read .= $chunk;
        }
        return $read;
    }

    /** The next message, or the code of a close as an integer. Pings are answered. */
    private function read(): string|int
    {
        $message = '';
        while (true) {
            [$first, $length] = array_values(unpack('C2', $this->bytes(2)));
            if ($length === 126) {
                $length = unpack('n', $this->bytes(2))[1];
            } elseif ($length === 127) {
                $length = unpack('J', $this->bytes(8))[1];
            }
            $payload = $length > 0 ? $this->bytes($length) : '';
            $opcode = $first & 0x0f;
            if ($opcode === 8) {
                $this->write(8, $payload);
                return $length >= 2 ? unpack('n', $payload)[1] : 1005;
            }
            if ($opcode === 9) {
                $this->write(10, $payload);
            }
            if ($opcode < 8) {
                $message .= $payload;
                if ($first & 0x80) {
                    return $message;
                }
            }
        }
    }

    private function take(callable $matches): array
    {
        foreach ($this->queue as $i => $envelope) {
            if ($matches($envelope)) {
                unset($this->queue[$i]);
                return $envelope;
            }
        }
        while (is_string($message = $this->read())) {
            $envelope = json_decode($message, true, 512, JSON_THROW_ON_ERROR);
            if ($matches($envelope)) {
                return $envelope;
            }
            $this->queue[] = $envelope;
        }
        throw new Exception("closed with $message");
    }

    public function next(string $type): array
    {
        global $room;
        $envelope = $this->take(fn ($one) => !isset($one['correlationId']) && $one['type'] !== 'welcome');
        check([$envelope['type'], $envelope['channel']], [$type, $room]);
        return $envelope;
    }

    public function post(string $type, ?string $channel = null, mixed $payload = null, ?string $id = null): string
    {
        $id ??= bin2hex(random_bytes(16));
        $members = ['type' => $type, 'channel' => $channel, 'payload' => $payload, 'correlationId' => $id];
        $this->write(1, json_encode(array_filter($members, fn ($value) => $value !== null)));
        return $id;
    }

    public function reply(string $type, ?string $channel = null, mixed $payload = null, ?string $id = null): array
    {
        $id = $this->post($type, $channel, $payload, $id);
        return $this->take(fn ($one) => ($one['correlationId'] ?? null) === $id);
    }

    public function request(string $type, ?string $channel = null, mixed $payload = null): array
    {
        $reply = $this->reply($type, $channel, $payload);
        check($reply['type'], 'ack');
        return $reply;
    }

    public function fails(string $code, string $type, ?string $channel, mixed $payload = null, ?string $id = null): mixed
    {
        $reply = $this->reply($type, $channel, $payload, $id);
        check([$reply['payload']['code'], $reply['channel'] ?? null], [$code, $channel]);
        return $reply['payload']['details'] ?? null;
    }

    public function closed(): int
    {
        while (is_string($code = $this->read())) {
        }
        fclose($this->socket);
        return $code;
    }

    public function drop(): void
    {
        fclose($this->socket);
    }
}

function users(array $entries): array
{
    $users = array_column($entries, 'user');
    sort($users);
    return $users;
}

[$ann, $annAgain, $bob, $carol] = array_map('getenv', ['ANN', 'ANN_AGAIN', 'BOB', 'CAROL']);

check((new Person(null))->status, 401);
done('refused');
$a = new Person($ann);
check([$a->status, $a->protocol], [101, 'fastify-channels.v1']);
done('connected');
check(isset($a->request('ping')['payload']), false);
done('ping');

$joined = $a->request('join', $room)['payload'];
check(strlen($joined['epoch']) > 0, true);
unset($joined['epoch'], $joined['hash']);
check($joined, [
    'presence' => [['user' => 'id-of-ann', 'data' => ['name' => 'ann']]], 'idempotent' => ['message.send'],
    'offset' => 0, 'recovered' => false, 'reason' => 'fresh', 'messages' => []
]);
done('joined');

$b = new Person($bob);
check(users($b->request('join', $room)['payload']['presence']), ['id-of-ann', 'id-of-bob']);
check(users($a->next('presence')['payload']['joined']), ['id-of-bob']);
done('presence');

$sent = $a->reply('message.send', $room, ['text' => $text], "first-of-$room");
$first = $a->next('message.posted');
check($b->next('message.posted'), $first);
check($first['payload'], ['id' => $sent['payload']['id'], 'from' => 'ann', 'text' => $text]);
check([$first['offset'], $sent['offset'], $first['prev']], [1, 1, '']);
done('sent');
check($a->reply('message.send', $room, ['text' => $text], "first-of-$room"), $sent);
done('repeated');
$a->fails('conflict', 'message.send', $room, ['text' => 'other'], "first-of-$room");
done('conflict');

$a->request('typing', $room, ['active' => true]);
$typing = $b->next('typing.changed');
check([$typing['payload'], isset($typing['offset'])], [['user' => 'ann', 'active' => true], false]);
done('typing');

check($a->fails('invalid_payload', 'message.send', $room, ['text' => 7])['path'], '/text');
$a->fails('unknown_type', 'nonsense', $room);
$a->fails('unknown_channel', 'join', 'nowhere/1');
$a->fails('forbidden', 'join', 'talk/secret');
$a->fails('already_joined', 'join', $room);
$a->fails('not_joined', 'typing', 'talk/other', ['active' => true]);
check($a->fails('muted', 'message.send', $room, ['text' => 'mute me']), ['until' => 7]);
done('errors');

$long = str_repeat('x', 60_000);
$a->request('message.send', $room, ['text' => $long]);
$large = $a->next('message.posted');
check([$large['payload']['text'], $large['offset'], $large['prev']], [$long, 2, $first['hash']]);
check($b->next('message.posted'), $large);
done('large');
$a->request('ask.pong', $room);
done('pong');

check(isset($a->request('refresh', null, ['token' => $annAgain])['payload']), false);
$a->fails('invalid_token', 'refresh', null, ['token' => $bob]);
done('refreshed');
$a->request('leave', $room);
check($b->next('presence')['payload']['left'], ['id-of-ann']);
done('left');

$before = new Person($ann);
$ack = $before->request('join', $room)['payload'];
$since = ['epoch' => $ack['epoch'], 'offset' => $ack['offset'], 'hash' => $ack['hash']];
$before->drop();
$b->next('presence');
$missed = [];
foreach (['three', 'four'] as $one) {
    $b->request('message.send', $room, ['text' => $one]);
    $missed[] = $b->next('message.posted');
}
check(array_column($missed, 'prev'), [$large['hash'], $missed[0]['hash']]);
$after = new Person($ann);
$recovery = $after->request('join', $room, ['since' => $since])['payload'];
check([$recovery['recovered'], $recovery['messages']], [true, $missed]);
done('recovered');

$after->request('leave', $room);
$fresh = $after->request('join', $room, ['since' => ['epoch' => 'another'] + $since])['payload'];
check([$fresh['recovered'], $fresh['reason'], count($fresh['messages'])], [false, 'epoch', 4]);
done('unrecoverable');

$c = new Person($ann);
$c->request('join', $room);
$c->request('ask.remove', $room);
check($c->next('left')['payload'], ['code' => 'removed']);
done('removed');

$broken = [['binary', 1003, 2, 'x'], ['garbage', 1008, 1, '{'], ['too-large', 1009, 1, str_repeat('x', 70_000)]];
foreach ($broken as [$step, $code, $opcode, $message]) {
    $c = new Person($ann);
    $c->write($opcode, $message);
    check($c->closed(), $code);
    done($step);
}
foreach ([['revoked', 3000, $carol, 'ask.revoke'], ['disconnected', 3003, $bob, 'ask.disconnect']] as $row) {
    [$step, $code, $token, $type] = $row;
    $c = new Person($token);
    $c->request('join', $room);
    $c->post($type, $room);
    check($c->closed(), $code);
    done($step);
}

$b->write(8, pack('n', 1000));
check($b->closed(), 1000);
done('closed');
