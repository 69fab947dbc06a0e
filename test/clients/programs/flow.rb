# The steps of test/support/clients/steps.ts with faye-websocket on EventMachine.
require 'faye/websocket'
require 'eventmachine'
require 'fiber'
require 'json'
require 'securerandom'

$stdout.sync = true
URL = ENV.fetch('CHANNELS_URL')
ROOM = "talk/#{ENV.fetch('CHANNELS_ROOM')}"
TEXT = 'hällo 👋'

def done(step) = puts("ok #{step}")

def check(got, want)
  raise "got #{got.inspect}, want #{want.inspect} at #{caller(1, 1).first}" unless got == want
end

# One connection. The flow is a fiber that waits in `wait_for` until an event of a socket wakes it.
class Person
  attr_reader :socket, :code

  def initialize(token)
    @queue = []
    @socket = Faye::WebSocket::Client.new(URL, token ? ['fastify-channels.v1', "bearer.#{token}"] : [])
    @socket.on(:open) { wake { @open = true } }
    @socket.on(:message) { |event| wake { @queue << JSON.parse(event.data) } }
    @socket.on(:close) { |event| wake { @code = event.code } }
    wait_for { @open || @code }
  end

  def open? = @open

  def wake
    yield
    fiber, @fiber = @fiber, nil
    fiber&.resume
  end

  def wait_for
    until (found = yield)
      @fiber = Fiber.current
      Fiber.yield
    end
    found
  end

  def take(&matches)
    wait_for do
      index = @queue.index(&matches)
      raise "closed with #{@code}" if index.nil? && @code
      index && @queue.delete_at(index)
    end
  end

  def next(type)
    envelope = take { |one| !one.key?('correlationId') && one['type'] != 'welcome' }
    check(envelope.values_at('type', 'channel'), [type, ROOM])
    envelope
  end

  def post(type, channel = nil, payload = nil, id = SecureRandom.uuid)
    @socket.send({ type: type, channel: channel, payload: payload, correlationId: id }.compact.to_json)
    id
  end

  def reply(*request)
    id = post(*request)
    take { |one| one['correlationId'] == id }
  end

  def request(*request)
    envelope = reply(*request)
    check(envelope['type'], 'ack')
    envelope
  end

  def fails(code, *request)
    envelope = reply(*request)
    check([envelope['type'], envelope['channel'], envelope['payload']['code']], ['error', request[1], code])
    envelope['payload']['details']
  end

  def closed = wait_for { @code }
end

def users(entries) = entries.map { |entry| entry['user'] }.sort

def flow
  ann, ann_again, bob, carol = %w[ANN ANN_AGAIN BOB CAROL].map { |name| ENV.fetch(name) }
  refused = Person.new(nil)
  check([refused.open?, refused.socket.status], [nil, 401])
  done('refused')
  a = Person.new(ann)
  check(a.socket.protocol, 'fastify-channels.v1')
  done('connected')
  check(a.request('ping').key?('payload'), false)
  done('ping')

  joined = a.request('join', ROOM)['payload']
  check(joined['presence'], [{ 'user' => 'id-of-ann', 'data' => { 'name' => 'ann' } }])
  check(joined.values_at('idempotent', 'offset', 'recovered', 'reason', 'messages'),
        [['message.send'], 0, false, 'fresh', []])
  done('joined')

  b = Person.new(bob)
  check(users(b.request('join', ROOM)['payload']['presence']), %w[id-of-ann id-of-bob])
  check(users(a.next('presence')['payload']['joined']), ['id-of-bob'])
  done('presence')

  sent = a.request('message.send', ROOM, { text: TEXT }, "first-of-#{ROOM}")
  first = a.next('message.posted')
  check(b.next('message.posted'), first)
  check(first['payload'], { 'id' => sent['payload']['id'], 'from' => 'ann', 'text' => TEXT })
  check([first['offset'], sent['offset'], first['prev']], [1, 1, ''])
  done('sent')
  check(a.request('message.send', ROOM, { text: TEXT }, "first-of-#{ROOM}"), sent)
  done('repeated')
  a.fails('conflict', 'message.send', ROOM, { text: 'other' }, "first-of-#{ROOM}")
  done('conflict')

  a.request('typing', ROOM, { active: true })
  typing = b.next('typing.changed')
  check([typing['payload'], typing['offset']], [{ 'user' => 'ann', 'active' => true }, nil])
  done('typing')

  check(a.fails('invalid_payload', 'message.send', ROOM, { text: 7 })['path'], '/text')
  a.fails('unknown_type', 'nonsense', ROOM)
  a.fails('unknown_channel', 'join', 'nowhere/1')
  a.fails('forbidden', 'join', 'talk/secret')
  a.fails('already_joined', 'join', ROOM)
  a.fails('not_joined', 'typing', 'talk/other', { active: true })
  check(a.fails('muted', 'message.send', ROOM, { text: 'mute me' }), { 'until' => 7 })
  done('errors')

  long = 'x' * 60_000
  a.request('message.send', ROOM, { text: long })
  large = a.next('message.posted')
  check([large['payload']['text'], large['offset'], large['prev']], [long, 2, first['hash']])
  check(b.next('message.posted'), large)
  done('large')
  a.request('ask.pong', ROOM)
  done('pong')

  check(a.request('refresh', nil, { token: ann_again }).key?('payload'), false)
  a.fails('invalid_token', 'refresh', nil, { token: bob })
  done('refreshed')
  a.request('leave', ROOM)
  check(b.next('presence')['payload']['left'], ['id-of-ann'])
  done('left')

  # This client has no way to drop a connection, so it closes it.
  before = Person.new(ann)
  since = before.request('join', ROOM)['payload'].slice('epoch', 'offset', 'hash')
  before.socket.close(4000)
  before.closed
  b.next('presence')
  missed = %w[three four].map do |text|
    b.request('message.send', ROOM, { text: text })
    b.next('message.posted')
  end
  check(missed.map { |entry| entry['prev'] }, [large['hash'], missed[0]['hash']])
  after = Person.new(ann)
  recovery = after.request('join', ROOM, { since: since })['payload']
  check(recovery.values_at('recovered', 'messages'), [true, missed])
  done('recovered')

  after.request('leave', ROOM)
  fresh = after.request('join', ROOM, { since: since.merge('epoch' => 'another') })['payload']
  check([fresh['recovered'], fresh['reason'], fresh['messages'].size], [false, 'epoch', 4])
  done('unrecoverable')

  c = Person.new(ann)
  c.request('join', ROOM)
  c.request('ask.remove', ROOM)
  check(c.next('left')['payload'], { 'code' => 'removed' })
  done('removed')

  [['binary', 1003, [120]], ['garbage', 1008, '{'], ['too-large', 1009, 'x' * 70_000]].each do |step, code, message|
    c = Person.new(ann)
    c.socket.send(message)
    check(c.closed, code)
    done(step)
  end
  [['revoked', 3000, carol, 'ask.revoke'], ['disconnected', 3003, bob, 'ask.disconnect']].each do |step, code, token, type|
    c = Person.new(token)
    c.request('join', ROOM)
    c.post(type, ROOM)
    check(c.closed, code)
    done(step)
  end

  b.socket.close(1000)
  check(b.closed, 1000)
  done('closed')
  EM.stop
end

EM.run do
  EM.add_timer(60) { abort 'no end after 60 s' }
  Fiber.new { flow }.resume
end
