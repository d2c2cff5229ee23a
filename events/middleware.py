from . import refusals
from .actor import answering


class Acting:
    """While a request is answered, whoever sent it is the one who acts. What is refused is recorded, too."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with answering(request):
            answer = self.get_response(request)
            refusals.note(request, answer)
        return answer
