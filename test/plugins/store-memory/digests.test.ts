import { digestsContract } from '../../contracts/digests.js'
import { memoryStore } from './backend.js'

digestsContract(memoryStore)
