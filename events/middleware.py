from .actor import answering
from .sign_ins import note_refusal


class Acting:
    """While a request is answered, whoever sent it is the one who acts. What is refused is recorded, too."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with answering(request):
            answer = self.get_response(request)
            note_refusal(request, answer)
        return answer
